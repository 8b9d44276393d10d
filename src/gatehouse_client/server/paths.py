"""Access paths, and the templates they are made from."""

import re
from operator import attrgetter
from typing import Any

_MAX_BYTES = 1024
_MAX_SEGMENTS = 64
_PLACE = re.compile(r"\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(=\*\*)?\}")


class BadPath(ValueError):
    """The request makes no access path: `field` is at fault, `problem` says how."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def check(path: str, field: str = "path") -> str:
    """The path, if it is one. Raises BadPath."""
    if path == "/":
        return path
    if not path.startswith("/"):
        raise BadPath(field, "must make an absolute path such as /projects/apollo")
    if len(path.encode(errors="surrogatepass")) > _MAX_BYTES:
        raise BadPath(field, f"must make a path of at most {_MAX_BYTES} bytes")
    segments = path[1:].split("/")
    if len(segments) > _MAX_SEGMENTS:
        raise BadPath(field, f"must make a path of at most {_MAX_SEGMENTS} segments")
    if {"", ".", ".."} & set(segments):
        raise BadPath(field, "must make a path without an empty segment, . or ..")
    if any(ord(character) < 0x20 or 0x7F <= ord(character) <= 0x9F for character in path):
        raise BadPath(field, "must not have control characters")
    return path


def fields_of(template: str) -> list[str]:
    """The fields of the request that the template needs. Raises ValueError for what is none."""
    if set("{}") & set(_PLACE.sub("", template)):
        raise ValueError(f"{template!r}: a field is written {{field}} or {{field=**}}")
    check(_PLACE.sub("x", template))
    return [found[1] for found in _PLACE.finditer(template)]


def fill(template: str, request: Any) -> str:
    """The path of a request. `{field}` is one segment, `{field=**}` one or more (AIP-127).

    That a plain field is one segment matters: else who may read `/projects/a/notes/b` could ask for
    the project named `a/notes/b`, and be let in. Raises BadPath.
    """
    found = _PLACE.search(template)
    if found is None:
        return template
    filled = _PLACE.sub(lambda place: _value(request, place[1], many=bool(place[2])), template)
    return check(filled, found[1])


def _value(request: Any, field: str, *, many: bool) -> str:
    value = attrgetter(field)(request)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"{field} is a {type(value).__name__}; a path is made of strings")
    if not value:
        raise BadPath(field, "must not be empty")
    if "/" in value and not many:
        raise BadPath(field, "must not have a /")
    return value
