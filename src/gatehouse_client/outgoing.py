"""What is sent in a stream, handed over by the thread that makes it."""

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")

# Seconds. Gatehouse gives up an upload that stands still for a minute.
IDLE = 20.0


class Outgoing(Generic[T]):
    """Messages on their way to gRPC, which takes them in a thread of its own: one at a time.

    gRPC could read a file or a pipe by itself, but then nobody could tell it of an error or of
    Ctrl-C, and what was cut off there would look like a content that has ended.

    `idle` is what is sent after every 20 s in which there was nothing else to send.
    """

    def __init__(self, idle: T) -> None:
        self.taken = 0
        self._idle = idle
        self._next: T | None = None
        self._ended = False
        self._changed = Condition()

    def put(self, message: T) -> bool:
        """Waits until gRPC has taken the message before; False when it wants no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._next is None or self._ended)
            if not self._ended:
                self._next = message
                self._changed.notify_all()
            return not self._ended

    def end(self) -> None:
        """There is no more to send, or nobody to send it to."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __iter__(self) -> "Outgoing[T]":
        return self

    def __next__(self) -> T:
        with self._changed:
            ready = self._changed.wait_for(lambda: self._next is not None or self._ended, IDLE)
            if not ready:
                return self._idle
            if self._next is None:
                raise StopIteration
            message, self._next = self._next, None
            self.taken += 1
            self._changed.notify_all()
            return message
