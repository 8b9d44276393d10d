"""A call to be made many times."""

import struct
from dataclasses import dataclass

from google.protobuf.message import Message


@dataclass(frozen=True)
class Request:
    """One unary call: where to, what, and whose token it carries."""

    target: str
    method: str
    body: bytes
    token: str = ""

    @property
    def framed(self) -> bytes:
        """As gRPC puts it into HTTP/2: not compressed, length, message."""
        return struct.pack(">BI", 0, len(self.body)) + self.body

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with it."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    @classmethod
    def of(cls, target: str, method: str, message: Message, token: str = "") -> "Request":
        """`method` is `/package.Service/Method`."""
        return cls(target, method, message.SerializeToString(), token)


@dataclass(frozen=True)
class Shape:
    """How many calls are in flight: over so many connections, so many on each."""

    connections: int = 8
    streams: int = 4

    @property
    def in_flight(self) -> int:
        """All of them together."""
        return self.connections * self.streams

    def __str__(self) -> str:
        return f"{self.connections} connections × {self.streams} calls in flight"
