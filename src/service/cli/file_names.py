"""Files and folders as people name them."""

from typing import Annotated

import typer

NAMES = "files/{path}, the path alone, or me/{path} in your own folder"

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help=f"{NAMES}.")]


def file_name(given: str) -> str:
    """`files/{path}`, for what may be an access path, begin with `me/`, or be the path alone."""
    path = given.removeprefix("/")
    if path.startswith("me/"):
        path = f"users/{path}"
    return path if path.startswith("files/") else f"files/{path}"


def file_in(given: str, base: str) -> str:
    """The same; what ends in `/` is a folder, in which the file is called `base`."""
    return file_name(f"{given}{base}" if given.endswith("/") else given)


def folder_name(given: str) -> str:
    """The same for a folder, which may be all there is: then it is empty, as ListFiles has it."""
    path = given.strip("/")
    if path in {"", "files"}:
        return ""
    return file_name("users/me" if path == "me" else path)


def last_segment(name: str) -> str:
    """What a file is called in its folder."""
    return name.rpartition("/")[2]
