"""The queue of background work, kept in PostgreSQL by procrastinate, and whoever works it off."""

import asyncio
import threading
from asyncio import AbstractEventLoop, Task
from typing import Any

import procrastinate
import structlog
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

log = structlog.get_logger("gatehouse.worker")

_RECONNECT = 2.0
_PATIENCE = 3.0  # for a connection; who stops us while PostgreSQL is away waits as long
_AT_ONCE = 2


def create_queue(database_url: str) -> procrastinate.App:
    """The queue; tasks are added to it before a worker starts."""
    url = make_url(database_url)
    _, parameters = url.get_dialect()().create_connect_args(url)
    connector = procrastinate.PsycopgConnector(
        conninfo=make_conninfo(**parameters, application_name="gatehouse-worker"),
        min_size=1,
        max_size=_AT_ONCE + 1,
        timeout=_PATIENCE,
    )
    return procrastinate.App(connector=connector)


class Worker:
    """Works the queue off in a thread, and starts over when PostgreSQL was away."""

    def __init__(self, queue: procrastinate.App) -> None:
        self._queue = queue
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._running: tuple[AbstractEventLoop, Task[Any]] | None = None

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Lets what is running end, and ends."""
        self._stopping.set()
        if self._running is not None:
            loop, task = self._running
            loop.call_soon_threadsafe(task.cancel)
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._work())
            except Exception as error:  # noqa: BLE001 - whatever it was, work must go on
                log.warning("the worker starts over", why=str(error))
                self._stopping.wait(_RECONNECT)

    async def _work(self) -> None:
        async with self._queue.open_async():
            working = asyncio.create_task(
                self._queue.run_worker_async(
                    concurrency=_AT_ONCE, install_signal_handlers=False, delete_jobs="successful"
                )
            )
            self._running = (asyncio.get_running_loop(), working)
            if self._stopping.is_set():
                working.cancel()
            try:
                await working
            except asyncio.CancelledError:
                log.debug("the worker has ended")
            finally:
                self._running = None
