"""Nobody waits for ever for a PostgreSQL that does not answer.

Statement and lock timeouts are the server's own, and a server that hangs does not keep them. libpq
has no time limit for an answer, so whoever has waited too long has their connection cut, and gets
the error of a connection that is lost.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import Any

import structlog
from sqlalchemy import Connection

_PATIENCE = 15.0  # seconds; the server's own limit for a statement is 10
_LOOK = 1.0

log = structlog.get_logger("gatehouse.database")


class Watchdog:
    """Watches over connections that are in use, from a thread of its own."""

    def __init__(self) -> None:
        self._since: dict[Connection, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="database-watchdog", daemon=True)
        self._thread.start()

    @contextmanager
    def over(self, connection: Connection) -> Iterator[None]:
        """Cuts the connection if the block takes too long."""
        self._since[connection] = monotonic()
        try:
            yield
        finally:
            del self._since[connection]

    def stop(self) -> None:
        """Cuts every connection that is still in use, and ends the thread."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK):
            self._cut_after(_PATIENCE)
        while self._since:  # whoever is still caught keeps the process from ending
            self._cut_after(0.0)
            sleep(_LOOK)

    def _cut_after(self, patience: float) -> None:
        now = monotonic()
        for connection, since in list(self._since.items()):
            if now - since > patience:
                log.warning("PostgreSQL does not answer", seconds=round(now - since))
                _cut(connection)


def _cut(connection: Connection) -> None:
    """Whoever waits on the connection's socket sees its end; it stays theirs to close."""
    # The block may end meanwhile, and then there is nothing to cut.
    with suppress(Exception):
        driver: Any = connection.connection.driver_connection
        with socket.socket(fileno=os.dup(driver.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)
