"""The threads that calls run on, and how many calls may wait for one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import structlog

from service.transport.receiving import Receiving, has_one_message

log = structlog.get_logger("gatehouse.pool")

T = TypeVar("T")

_Work = tuple[Callable[..., object], tuple[Any, ...]]

# gRPC asks a call's future one thing: to be told when it is done, to count the calls that run. We
# count them ourselves, so all calls share one that is.
_DONE: "Future[Any]" = Future()
_DONE.set_result(None)


class CallPool(ThreadPoolExecutor):
    """Threads for calls, that knows how many calls it carries, waiting ones included.

    gRPC would queue without bound; `full` lets the pipeline refuse instead. gRPC takes nothing but
    a ThreadPoolExecutor, of which little more than the type is left here: a future with its lock
    and condition costs each call 14 µs, as much as all of the pipeline.
    """

    def __init__(self, name: str, *, threads: int, limit: int) -> None:
        super().__init__(max_workers=threads)
        self.name = name
        self.limit = limit
        self._waiting: SimpleQueue[_Work | None] = SimpleQueue()
        self._receiving = Receiving(self._waiting.put)
        self._busy = [False] * threads
        self._carriers = [
            threading.Thread(target=self._carry, args=(n,), name=f"{name}-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in self._carriers:
            thread.start()

    @property
    def carried(self) -> int:
        """How many calls are in the pool, waiting ones included."""
        return self._waiting.qsize() + sum(self._busy)

    @property
    def receiving(self) -> int:
        """How many calls have been opened whose message has not come."""
        return len(self._receiving)

    @property
    def full(self) -> bool:
        """Whether another call would be one too many."""
        return self.carried >= self.limit

    def submit(self, fn: Callable[..., T], /, *args: Any, **_: Any) -> "Future[T]":
        """Runs `fn` on a thread of the pool. The future says nothing of it."""
        if has_one_message(args):
            self._receiving.begin(fn, args)
        else:
            self._waiting.put((fn, args))
        return _DONE

    def shutdown(  # as ThreadPoolExecutor has it
        self,
        wait: bool = True,  # noqa: FBT001, FBT002
        *,
        cancel_futures: bool = False,
    ) -> None:
        """Ends the threads, after all that waits or at once."""
        if cancel_futures:
            try:
                while True:
                    self._waiting.get_nowait()
            except Empty:
                pass
        for _ in self._carriers:
            self._waiting.put(None)
        if wait:
            for thread in self._carriers:
                thread.join()

    def _carry(self, number: int) -> None:
        take, busy = self._waiting.get, self._busy
        while (work := take()) is not None:
            busy[number] = True
            fn, args = work
            try:
                fn(*args)
            except Exception:
                log.exception("a call's thread met what gRPC should have caught", pool=self.name)
            # Nothing of a call may live on while the thread waits for the next.
            del work, fn, args
            busy[number] = False
