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
