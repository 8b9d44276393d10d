"""What a client asks of a list: read by the transport, answered by the storage."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of which list: `arguments` is all of the request that decides what is listed."""

    size: int
    token: str
    arguments: str
