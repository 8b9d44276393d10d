"""What a client asks of a list: read by the transport, answered by the storage."""

from collections.abc import Mapping
from dataclasses import dataclass

_FIXED = 512  # what a resource has beside the texts that people choose
_PAIR = 8


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of which list: `arguments` is all of the request that decides what is listed."""

    size: int
    token: str
    arguments: str


def weight(text: str, pairs: Mapping[str, str]) -> int:
    """About how many bytes a resource with such a text, and such pairs, takes in a message."""
    fixed = _FIXED + len(text.encode()) + _PAIR * len(pairs)
    return fixed + sum(len(f"{key}{value}".encode()) for key, value in pairs.items())
