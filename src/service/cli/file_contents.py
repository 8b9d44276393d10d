"""`gatehouse files put` and `get`: the content of files."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from mimetypes import guess_type
from pathlib import Path
from typing import Annotated

import grpc
import typer
from gatehouse.files.v1 import file_service_pb2 as pb
from rich.filesize import decimal

from gatehouse_client import Refusal
from gatehouse_client.files import NotWhole, download, part_of, upload
from service.cli.client import Client, against_server
from service.cli.failure import Failed, files_in_one_line
from service.cli.file_names import NAMES, Name, file_in, file_name, last_segment
from service.cli.pairs import pairs
from service.cli.transfers import Transfer

_STANDARD = "-"


@against_server
def put(
    client: Client,
    local: Annotated[
        str,
        typer.Argument(metavar="LOCAL", show_default=False, help="A file, - for standard input."),
    ],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help=f"{NAMES}; after a / LOCAL's own name is added.",
        ),
    ],
    content_type: Annotated[
        str,
        typer.Option(
            "--type",
            metavar="TYPE",
            show_default=False,
            help="What it is, such as text/csv. Default: what the name says.",
        ),
    ] = "",
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", show_default=False, help="A label of the file; may be repeated."
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a file that is there, labels and all.")
    ] = False,
) -> None:
    """Upload a file. It is there, whole, when this says so; before that there is nothing.

    \b
    Examples:
      gatehouse files put q3.pdf reports/2026/ --label quarter=3
      gatehouse files put notes.txt me/ --replace
      pg_dump apollo | gatehouse files put - backups/apollo.sql --type application/sql
    """
    if local == _STANDARD and name.endswith("/"):
        raise typer.BadParameter("standard input has no name: say the whole NAME of the file")
    name = file_in(name, Path(local).name)
    labels = pairs("--label", label)
    typed = local == _STANDARD and sys.stdin.isatty()
    try:
        with Transfer(last_segment(name), shown=not typed) as progress, files_in_one_line():
            file = upload(
                client.files,
                name,
                sys.stdin.buffer if local == _STANDARD else Path(local),
                content_type=content_type or _guessed(name) or _guessed(local),
                labels=labels,
                etag=_etag(client, name) if replace else "",
                progress=progress,
            )
    except grpc.RpcError as error:
        if Refusal.of(error).reason != "ERROR_REASON_NAME_TAKEN":
            raise
        # With --replace it was made after it was looked for.
        do = "repeat the command" if replace else "--replace replaces it"
        raise Failed(f"there is a {name} already [ALREADY_EXISTS, NAME_TAKEN]: {do}") from error
    told = f"Uploaded {file.name}: {decimal(file.size)}, {file.content_type}."
    client.screen.answer(pb.UploadFileResponse(file=file), told)


@against_server
def get(
    client: Client,
    name: Name,
    local: Annotated[
        str,
        typer.Argument(
            metavar="LOCAL",
            show_default=False,
            help="A file or folder, - for standard output. Default: a file of that name here.",
        ),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Replace LOCAL, or write to a terminal.")
    ] = False,
) -> None:
    """Download a file. LOCAL is there when it is whole; until then a hidden file beside it is.

    What was interrupted goes on with the same command.

    \b
    Examples:
      gatehouse files get reports/2026/q3.pdf
      gatehouse files get reports/2026/q3.pdf /tmp/q3.pdf --force
      gatehouse files get backups/apollo.sql - | psql apollo
    """
    name = file_name(name)
    if local == _STANDARD:
        _print(client, name, to_a_terminal=force)
        return
    with files_in_one_line():
        target = _target(local, name, replace=force)
        with _kept(client, target), Transfer(target.name) as progress:
            file = download(client.files, name, target, progress=progress)
    client.screen.answer(pb.GetFileResponse(file=file), f"Saved {target}: {decimal(file.size)}.")


def _target(local: str, name: str, *, replace: bool) -> Path:
    """Where the file goes. Raises Failed where it would replace what it should not, and OSError."""
    target = Path(local or last_segment(name))
    if target.is_dir():
        target /= last_segment(name)
    elif local.endswith("/"):
        raise Failed(f"{target} is no folder")
    if target.exists() and not target.is_file():
        raise Failed(f"{target} is no ordinary file: say - and send it there")
    if target.exists() and not replace:
        raise Failed(f"{target} is there already: --force replaces it")
    return target


def _print(client: Client, name: str, *, to_a_terminal: bool) -> None:
    """The content on standard output, and nothing else."""
    if client.screen.as_json:
        raise typer.BadParameter("with - the content is all that is printed: leave --json out")
    terminal = sys.stdout.isatty()
    if terminal and not to_a_terminal:
        raise Failed(f"{last_segment(name)} may not be text for a terminal: --force prints it")
    shown = Transfer(last_segment(name), shown=not terminal)
    with _whole(), shown as progress, files_in_one_line():
        download(client.files, name, sys.stdout.buffer, progress=progress)
        sys.stdout.flush()


@contextmanager
def _kept(client: Client, target: Path) -> Iterator[None]:
    """Has who is interrupted know how to go on."""
    try:
        with _whole():
            yield
    except (BlockingIOError, FileExistsError):  # what is there is not from this command
        raise
    except BaseException:
        part = part_of(target)
        if os.path.exists(part):  # noqa: PTH110 - Path's may raise
            client.screen.note(f"What arrived is kept in {part}: the same command goes on with it.")
        raise


@contextmanager
def _whole() -> Iterator[None]:
    try:
        yield
    except NotWhole as error:
        raise Failed(f"{error}: repeat the command") from error


def _etag(client: Client, name: str) -> str:
    """That of the file that is there; empty when there is none, and so nothing to replace."""
    try:
        return client.files.GetFile(pb.GetFileRequest(name=name)).file.etag
    except grpc.RpcError as error:
        if Refusal.of(error).code is not grpc.StatusCode.NOT_FOUND:
            raise
        return ""


def _guessed(name: str) -> str:
    """What the name says that the content is, if anything."""
    # With a slash before it, nothing in the name looks like the scheme of a URL.
    content_type, encoding = guess_type(f"/{last_segment(name)}")
    if encoding:
        return "application/gzip" if encoding == "gzip" else ""
    return content_type or ""
