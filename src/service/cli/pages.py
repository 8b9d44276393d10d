"""Lists: as many pages as it takes."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from google.protobuf.message import Message

R = TypeVar("R", bound=Message)

_LARGEST_PAGE = 1000

Limit = Annotated[
    int, typer.Option(min=0, metavar="N", help="How many to list at most; 0 lists all.")
]
PageToken = Annotated[
    str,
    typer.Option(metavar="TOKEN", show_default=False, help="Go on where an earlier list ended."),
]


def read_pages(method: Callable[[Any], R], request: Any, all_of: R, limit: int) -> R:
    """`all_of` with the items of as many pages as make up `limit`, and the token of the next."""
    lists = [it.name for it in all_of.DESCRIPTOR.fields if it.is_repeated]
    while True:
        left = limit - _count(all_of, lists) if limit else _LARGEST_PAGE
        request.page_size = min(left, _LARGEST_PAGE)
        page = method(request)
        all_of.MergeFrom(page)  # which appends to lists
        all_of.next_page_token = request.page_token = page.next_page_token  # type: ignore[attr-defined]
        if not request.page_token or _count(all_of, lists) == limit:
            return all_of


def _count(answer: Message, lists: list[str]) -> int:
    return sum(len(getattr(answer, name)) for name in lists)
