"""What tests with many events, or many who watch them, have in common."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
import psycopg

from service.storage import locks
from service.wiring import Stores
from tests.support.house import Site
from tests.support.waiting import wait_until

_INSERT = """
INSERT INTO events (id, type, subject, actor, time, request_id, peer, data)
SELECT gen_random_uuid(), 'tried', n::text, '', greatest(clock_timestamp(), last.time), '', '', '{}'
FROM generate_series(1, %s) n, (SELECT max(time) AS time FROM events) last
"""


def connect(stores: Stores) -> psycopg.Connection:
    """A connection that the service knows nothing of."""
    return psycopg.connect(stores.database_url.replace("+psycopg", ""))


def write(connection: psycopg.Connection, count: int) -> None:
    """Writes so many events as any transaction does, but does not commit them."""
    connection.execute(str(locks.ORDER))
    connection.execute(_INSERT, [count])


def burst(stores: Stores, count: int) -> None:
    """So many events in one go."""
    with connect(stores) as connection:
        write(connection, count)


def listed(site: Site, **fields: Any) -> list[str]:
    """Every event's id, oldest first."""
    found: list[str] = []
    token = ""
    while True:
        page = site.admin.events.ListEvents(page_size=1000, page_token=token, **fields)
        found += [it.id for it in page.events]
        token = page.next_page_token
        if not token:
            return found[::-1]


class Listener:
    """Watches from a cursor on, in a thread; whatever ends the stream, it resumes where it was."""

    def __init__(self, site: Callable[[], Site | None], cursor: str = "", **fields: Any) -> None:
        self.heard: list[str] = []
        self.ends: list[grpc.StatusCode] = []
        self.cursor = cursor
        self._site = site
        self._fields = fields
        self._stopping = threading.Event()
        self._call: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(lambda: self.cursor, "a cursor")

    def stop(self) -> list[str]:
        """Ends it; answers what was heard, with what was heard twice."""
        self._stopping.set()
        if self._call is not None:
            self._call.cancel()
        self._thread.join(10)
        return self.heard

    def _run(self) -> None:
        while not self._stopping.is_set():
            # ValueError: the channel was closed, because there will be another server.
            with suppress(ValueError):
                try:
                    self._listen()
                except grpc.RpcError as error:
                    self.ends.append(error.code())
            self._stopping.wait(0.05)

    def _listen(self) -> None:
        site = self._site()
        if site is None:
            return
        self._call = site.admin.events.WatchEvents(cursor=self.cursor, **self._fields)
        for message in self._call:
            if message.HasField("event"):
                self.heard.append(message.event.id)
            self.cursor = message.cursor
