"""Streams of news that hold no thread while there is none.

gRPC's non-blocking handlers get a callback to send with, which blocks while the client does not
read. So a few threads send for all watchers. A watchdog puts another thread in the place of one
that is blocked, and cancels whoever blocks it.
"""

import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TypeVar

import grpc
import structlog
from google.protobuf.message import Message

from service.kernel.errors import Cancelled
from service.kernel.reasons import ErrorReason
from service.transport.answers import Encoded
from service.transport.status import Refusal

log = structlog.get_logger("gatehouse.watching")

F = TypeVar("F", bound=Callable[..., None])

_THREADS = 4
_MOST_THREADS = 64
_BACKLOG = 1000
_STALLED = 2.0
_LOOK = 0.25
_ASK = 1.0


class WatcherTooSlow(Cancelled):
    """The watcher has not read what was sent, and more is coming."""

    reason = ErrorReason.WATCHER_TOO_SLOW

    def __init__(self) -> None:
        super().__init__("The watcher fell behind; connect again with the last cursor.")


class ShuttingDown(Cancelled):
    """The server is going away."""

    reason = ErrorReason.SHUTTING_DOWN

    def __init__(self) -> None:
        super().__init__("The server is shutting down; connect again with the last cursor.")


def watches(method: F) -> F:
    """Marks a servicer's method `(self, request, call, outbox)` that answers by and by."""
    method.watches = True  # type: ignore[attr-defined]
    return method


class Outbox:
    """What one watcher is still to be sent. Safe to use from any thread."""

    def __init__(
        self,
        context: grpc.ServicerContext,
        send: Callable[[bytes | None], None],
        schedule: Callable[["Outbox"], None],
        *,
        on_sent: Callable[[], None],
        explain: Callable[[Exception], Refusal],
        on_end: Callable[[grpc.StatusCode], None],
    ) -> None:
        self._context = context
        self._send = send
        self._schedule = schedule
        self._on_sent = on_sent
        self._explain = explain
        self._on_end = [on_end]
        self._waiting: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._scheduled = False
        self._ending: Exception | None = None
        self._gone = False
        self._ask: Callable[[], None] = lambda: None
        self._code = grpc.StatusCode.CANCELLED
        self.sending_since: float | None = None
        if not context.add_callback(self._finished):
            self._finished()

    def on_end(self, callback: Callable[[grpc.StatusCode], None]) -> None:
        """Has the callback called once, when the watcher is gone for whatever reason."""
        with self._lock:
            if not self._gone:
                self._on_end.append(callback)
                return
        callback(self._code)

    def keep_asking(self, ask: Callable[[], None]) -> None:
        """Has `ask` called about every second; when it raises, the stream ends with that."""
        self._ask = ask

    def ask(self) -> None:
        """Whether the watcher may still watch; called by the senders' watchdog."""
        try:
            self._ask()
        except Exception as error:  # noqa: BLE001 - every fault gets a status
            self.end(error)

    def put(self, message: Message | Encoded) -> None:
        """Sends the message soon, after those before it. A watcher too far behind is given up."""
        payload = message.SerializeToString()
        with self._lock:
            if self._ending or self._gone:
                return
            if len(self._waiting) < _BACKLOG:
                self._waiting.append(payload)
                self._wake()
                return
        self.give_up()

    @property
    def waiting(self) -> int:
        """How many messages are still to be sent."""
        return len(self._waiting)

    def give_up(self) -> None:
        """Ends the stream because the watcher fell behind; what it was still to be sent is not."""
        with self._lock:
            # At once, or what is put in between would be sent as if nothing were missing before it.
            self._waiting.clear()
            self._end(WatcherTooSlow())

    def end(self, error: Exception) -> None:
        """Ends the stream with the error, after what is still to be sent."""
        with self._lock:
            self._end(error)

    def cancel(self) -> None:
        """Ends the stream now: the client does not even take what it was sent."""
        self._context.cancel()

    def send_one(self) -> None:
        """Sends the next message, or the end; called by a sender, blocks while the client does."""
        with self._lock:
            payload = self._waiting.popleft() if self._waiting else None
            if payload is None:
                self._scheduled = False
                if self._ending is None:
                    return
        if payload is not None:
            self._send(payload)
            self._on_sent()
            self._schedule(self)
        elif self._ending is not None:
            refusal = self._explain(self._ending)
            self._code = refusal.code
            refusal.set(self._context)
            self._send(None)

    def _end(self, error: Exception) -> None:
        if not self._ending:
            self._ending = error
            self._wake()

    def _wake(self) -> None:
        if not self._scheduled and not self._gone:
            self._scheduled = True
            self._schedule(self)

    def _finished(self) -> None:
        with self._lock:
            self._gone = True
            self._waiting.clear()
            callbacks, self._on_end = self._on_end, []
        for callback in callbacks:
            callback(self._code)


class Senders:
    """The threads that send for every outbox, and the watchdog over them."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Outbox | None] = SimpleQueue()
        self._open: set[Outbox] = set()
        self._busy: set[Outbox] = set()
        self._spares = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        names = [f"sender-{number}" for number in range(_THREADS)]
        self._threads = [
            *(threading.Thread(target=self._run, name=name, daemon=True) for name in names),
            threading.Thread(target=self._watch, name="sender-watchdog", daemon=True),
        ]

    @property
    def watchers(self) -> int:
        """How many streams are open."""
        return len(self._open)

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def open(
        self,
        context: grpc.ServicerContext,
        send: Callable[[bytes | None], None],
        *,
        on_sent: Callable[[], None],
        explain: Callable[[Exception], Refusal],
        on_end: Callable[[grpc.StatusCode], None],
    ) -> Outbox:
        """An outbox for a new watcher; `on_end` is called once, when it is gone."""
        outbox = Outbox(
            context, send, self._queue.put, on_sent=on_sent, explain=explain, on_end=on_end
        )
        with self._lock:
            self._open.add(outbox)
        outbox.on_end(lambda code: self._forget(outbox))
        if self._stopping.is_set():
            outbox.end(ShuttingDown())
        return outbox

    def end_all(self) -> None:
        """Ends every stream, and those still to come, because the server is going away."""
        self._stopping.set()
        with self._lock:
            leaving = list(self._open)
        for outbox in leaving:
            outbox.end(ShuttingDown())

    def stop(self) -> None:
        """Ends the threads; streams that are still open stay unanswered."""
        self._stopping.set()
        for _ in range(_THREADS + _MOST_THREADS):
            self._queue.put(None)

    def _run(self) -> None:
        while (outbox := self._queue.get()) is not None:
            self._send_for(outbox)

    def _send_for(self, outbox: Outbox) -> None:
        outbox.sending_since = monotonic()
        with self._lock:
            self._busy.add(outbox)
        try:
            outbox.send_one()
        except Exception:
            log.exception("a watcher could not be told")
            outbox.cancel()
        finally:
            with self._lock:
                self._busy.discard(outbox)

    def _watch(self) -> None:
        asked = monotonic()
        while not self._stopping.wait(_LOOK):
            with self._lock:
                busy, watching = list(self._busy), list(self._open)
            self._stand_in_for(busy)
            for outbox in busy:
                if outbox.sending_since and monotonic() - outbox.sending_since > _STALLED:
                    outbox.cancel()
            if monotonic() - asked > _ASK:
                asked = monotonic()
                for outbox in watching:
                    outbox.ask()

    def _stand_in_for(self, busy: list[Outbox]) -> None:
        """As many threads more as are blocked; they end when there is nothing to send."""
        now = monotonic()
        blocked = sum(now - (outbox.sending_since or now) > _LOOK for outbox in busy)
        for _ in range(min(blocked, _MOST_THREADS) - self._spares):
            with self._lock:
                self._spares += 1
            threading.Thread(target=self._spare, name="sender-spare", daemon=True).start()

    def _spare(self) -> None:
        try:
            while (outbox := self._queue.get(timeout=_STALLED)) is not None:
                self._send_for(outbox)
        except Empty:
            pass
        finally:
            with self._lock:
                self._spares -= 1

    def _forget(self, outbox: Outbox) -> None:
        with self._lock:
            self._open.discard(outbox)
