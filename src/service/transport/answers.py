"""How a servicer says what its use case's result looks like on the wire."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from google.protobuf.message import Message

from service.kernel.call import Call, Committed

S = TypeVar("S")
Q = TypeVar("Q")  # a message, or an iterator of them
R = TypeVar("R", bound=Message)
T = TypeVar("T")

_LENGTH_DELIMITED = 2


def answers(
    pack: Callable[[Committed[T]], R],
) -> Callable[[Callable[[S, Q, Call], Committed[T]]], Callable[[S, Q, Call], R]]:
    """Packs a mutation's result with `pack`: for the client, and in the transaction for retries.

    The answer to a request with a `request_id` is kept in the transaction of its effect, so the
    transaction must be able to pack it before the servicer could.
    """

    def serialize(committed: Committed[Any]) -> bytes:
        return pack(committed).SerializeToString()

    def decorate(method: Callable[[S, Q, Call], Committed[T]]) -> Callable[[S, Q, Call], R]:
        @wraps(method)
        def answer(self: S, request: Q, call: Call) -> R:
            call.pack = serialize
            return pack(method(self, request, call))

        return answer

    return decorate


class Encoded:
    """A message in its encoding already: its bytes are copied once, not three times."""

    def __init__(self, encoding: bytes) -> None:
        self._encoding = encoding

    @staticmethod
    def bytes_field(number: int, content: memoryview) -> "Encoded":
        """A message with one field, of type bytes (protobuf.dev, Encoding: Message Structure)."""
        tag = _varint(number << 3 | _LENGTH_DELIMITED)
        return Encoded(b"".join((tag, _varint(len(content)), content)))

    def SerializeToString(self) -> bytes:  # noqa: N802 - as messages name it
        """As of any message."""
        return self._encoding


def _varint(number: int) -> bytes:
    """Seven bits a byte, least first; the eighth says that there is more."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
