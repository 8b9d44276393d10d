"""What a caller needs for each method of the service that is protected."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gatehouse_client.server import paths

_METHOD = re.compile(r"/[\w.]+/(\w+|\*)")
_PERMISSION = re.compile(r"[A-Za-z][\w-]*\.[A-Za-z][\w-]*")


@dataclass(frozen=True, slots=True)
class Public:
    """Anyone may call, without a token; there is no current caller."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Anyone with a good token may call. The token must carry `scope`, if one is given."""

    scope: str = ""


@dataclass(frozen=True, slots=True)
class Permission:
    """Who holds the permission on the path may call.

    `path` is an access path, or a template such as `/projects/{project}/documents/{id}`, filled in
    from the request: `{field}` is one segment, `{field=**}` one or more. Or it is a function of the
    request, which raises ValueError where the request makes no path. Of a client's stream the first
    message is taken. The token must carry `scope`, if one is given.
    """

    permission: str
    path: str | Callable[[Any], str]
    scope: str = ""

    def __post_init__(self) -> None:
        if not _PERMISSION.fullmatch(self.permission):
            raise ValueError(f"{self.permission!r} is no permission, such as documents.read")
        if isinstance(self.path, str):
            paths.fields_of(self.path)

    @property
    def needs_request(self) -> bool:
        """Whether the path depends on the request."""
        return not isinstance(self.path, str) or bool(paths.fields_of(self.path))

    def path_of(self, request: Any) -> str:
        """The access path that a request is about. Raises ValueError."""
        if isinstance(self.path, str):
            return paths.fill(self.path, request)
        return paths.check(self.path(request), "request")


Rule = Public | Authenticated | Permission


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Nobody may call: no rule was given for the method."""

    method: str
    scope: str = ""


Guarded = Authenticated | Permission | Unlisted


class Rules:
    """The rules by method."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        for method in rules:
            if not _METHOD.fullmatch(method):
                raise ValueError(f"{method!r} is no /package.Service/Method or /package.Service/*")
        self._rules = dict(rules)

    def find(self, method: str) -> Public | Guarded:
        """The method's rule, or its service's (`/package.Service/*`)."""
        service, _, _ = method.rpartition("/")
        return self._rules.get(method) or self._rules.get(f"{service}/*") or Unlisted(method)
