"""A PostgreSQL that hangs, or comes back, keeps nobody: their connections are cut or made anew."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from sqlalchemy import text

from service.kernel.errors import Unavailable
from service.storage import watchdog
from service.storage.database import Database
from tests.support.databases import RING, Databases
from tests.support.house import House
from tests.support.waiting import wait_until


@pytest.fixture
def database(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """One that waits for hardly any time."""
    monkeypatch.setattr(watchdog, "_PATIENCE", 0.05)
    monkeypatch.setattr(watchdog, "_LOOK", 0.01)
    made = Database(databases.new().database_url, RING, connections=2)
    yield made
    made.dispose()


def test_a_call_in_a_statement_that_hangs_is_let_go(database: Database) -> None:
    stopped: list[int] = []

    def ask() -> None:
        with database.reading() as connection:
            stopped.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            os.kill(stopped[0], signal.SIGSTOP)
            connection.execute(text("SELECT 1"))

    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(ask)
        try:
            assert isinstance(call.exception(timeout=20), Unavailable)
        finally:
            os.kill(stopped[0], signal.SIGCONT)
    with database.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_nobody_meets_a_connection_that_died_while_the_database_was_away(
    open_house: Callable[..., House], databases: Databases
) -> None:
    gatehouse = open_house()
    admin, feed = gatehouse.admin, gatehouse.application.services.feed
    [row] = gatehouse.sql("SELECT current_database() AS it")
    terminate = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = "
    databases.run(f"{terminate}'{row.it}'")
    terminated = monotonic()
    wait_until(lambda: feed.last_read > terminated, "the feed's next read")
    gatehouse.sign_in(admin.credentials)
    assert admin.users.GetUser(name="users/me").user
