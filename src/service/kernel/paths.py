"""Access paths: absolute, `/`-separated, what permissions are asked about.

`/` is the root; a grant on a path covers everything below it.
"""

from collections.abc import Iterator

from service.kernel.errors import InvalidArgument

MAX_BYTES = 1024
MAX_SEGMENTS = 64


def check(path: str, *, field: str = "path") -> str:
    """The path itself, when it is one. Raises InvalidArgument with what is wrong with it."""
    if problem := _problem(path):
        raise InvalidArgument.field(field, problem)
    return path


def ancestors(path: str) -> Iterator[str]:
    """The path itself, then each folder above it, up to and with `/`."""
    while path != "/":
        yield path
        path = path[: path.rindex("/")] or "/"
    yield "/"


def _problem(path: str) -> str | None:
    if path == "/":
        return None
    if not path.startswith("/"):
        return "must be an absolute path such as /projects/apollo"
    if len(path.encode(errors="surrogatepass")) > MAX_BYTES:
        return f"must be at most {MAX_BYTES} bytes"
    segments = path[1:].split("/")
    if len(segments) > MAX_SEGMENTS:
        return f"must have at most {MAX_SEGMENTS} segments"
    if "" in segments:
        return "must not have an empty segment or a trailing slash"
    if "." in segments or ".." in segments:
        return "must not have a segment . or .."
    if any(ord(character) < 0x20 or 0x7F <= ord(character) <= 0x9F for character in path):
        return "must not have control characters"
    return None
