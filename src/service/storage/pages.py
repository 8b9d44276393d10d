"""Pages of lists: keyset, with tokens that are signed and bound to the request's other arguments.

AIP-158. A token is base64url(MAC ‖ key), where the key is the place after the page's last row.
"""

import base64
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from service.kernel.errors import InvalidArgument
from service.kernel.pages import PageRequest
from service.kernel.reasons import ErrorReason

__all__ = [
    "DEFAULT_SIZE",
    "MAX_SIZE",
    "InvalidPageToken",
    "Page",
    "PageRequest",
    "Pager",
    "Signer",
]

T = TypeVar("T")

DEFAULT_SIZE = 50
MAX_SIZE = 1000
_MAC_BYTES = 16
# Clients take messages of 4 MiB.
_MOST_BYTES = 3 * 1024 * 1024


class InvalidPageToken(InvalidArgument):
    """The token is forged, of another list, or of the same list asked differently."""

    reason = ErrorReason.INVALID_PAGE_TOKEN


class Signer(Protocol):
    """Signs what is handed out and taken back."""

    def sign(self, value: bytes, purpose: str) -> bytes:
        """A MAC of the value for one purpose."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list; `next_page_token` is empty on the last."""

    items: list[T]
    next_page_token: str


class Pager:
    """Reads and writes page tokens."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def page(
        self,
        request: PageRequest,
        read: Callable[[Sequence[str] | None, int], list[T]],
        key: Callable[[T], Sequence[str]],
        weigh: Callable[[T], int] = lambda row: 0,
    ) -> Page[T]:
        """One page. `read(after, limit)` answers up to `limit` rows after the key `after`.

        Where rows can be large `weigh` says how many bytes one has: a page is no larger than a
        message may be. Raises InvalidPageToken, and InvalidArgument for a negative size.
        """
        if request.size < 0:
            raise InvalidArgument.field("page_size", "must not be negative")
        size = min(request.size or DEFAULT_SIZE, MAX_SIZE)
        after = self._read(request) if request.token else None
        rows = read(after, size + 1)
        items = list(_fitting(rows[:size], weigh))
        more = len(rows) > len(items)
        return Page(items, self._write(request, key(items[-1])) if more else "")

    def _write(self, request: PageRequest, key: Sequence[str]) -> str:
        body = json.dumps(list(key)).encode()
        return base64.urlsafe_b64encode(self._mac(request, body) + body).decode()

    def _read(self, request: PageRequest) -> list[str]:
        try:
            packed = base64.urlsafe_b64decode(request.token.encode())
        except ValueError:
            packed = b""
        mac, body = packed[:_MAC_BYTES], packed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(request, body)):
            raise InvalidPageToken.field(
                "page_token", "must be the next_page_token of the same list and arguments"
            )
        return list(json.loads(body))

    def _mac(self, request: PageRequest, body: bytes) -> bytes:
        bound = f"page {request.arguments}"
        return self._signer.sign(body, bound)[:_MAC_BYTES]


def _fitting(rows: Iterable[T], weigh: Callable[[T], int]) -> Iterator[T]:
    """As many of the rows as a message takes, and one at least."""
    weight = 0
    for row in rows:
        weight += weigh(row)
        if weight > _MOST_BYTES and weight > weigh(row):
            return
        yield row
