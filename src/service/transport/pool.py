"""The threads that calls run on, and how many calls may wait for one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class CallPool(ThreadPoolExecutor):
    """A thread pool that knows how many calls it carries, waiting ones included.

    gRPC would queue without bound; `full` lets the pipeline refuse instead. Counting here rather
    than in the handler is right also for calls that are cancelled before they run.
    """

    def __init__(self, name: str, *, threads: int, limit: int) -> None:
        super().__init__(max_workers=threads, thread_name_prefix=name)
        self.name = name
        self.limit = limit
        self.carried = 0
        self._count = threading.Lock()

    @property
    def full(self) -> bool:
        """Whether another call would be one too many."""
        return self.carried >= self.limit

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Runs `fn` on a thread of the pool, and carries it until it is done."""
        with self._count:
            self.carried += 1
        return super().submit(self._carry, fn, args, kwargs)

    def _carry(self, fn: Callable[..., T], args: Any, kwargs: Any) -> T:
        try:
            return fn(*args, **kwargs)
        finally:
            with self._count:
                self.carried -= 1
