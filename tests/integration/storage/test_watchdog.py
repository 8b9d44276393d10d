"""A PostgreSQL that hangs, or comes back, keeps nobody: their connections are cut or made anew."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic

import pytest
from sqlalchemy import text

from service.kernel.errors import Unavailable
from service.storage import watchdog
from service.storage.database import Database
from tests.support.databases import RING, Databases
from tests.support.house import House
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are looked at all the time."""
    monkeypatch.setattr(watchdog, "_LOOK", 0.01)


@pytest.fixture
def database(databases: Databases, often: None) -> Iterator[Database]:
    """One that a test may let hang."""
    made = Database(databases.new().database_url, RING, connections=2)
    yield made
    made.dispose()


@pytest.fixture
def caught(database: Database) -> Iterator["Future[None]"]:
    """A call in a statement that the database does not answer until the test is over."""
    stopped: list[int] = []

    def ask() -> None:
        with database.reading() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)
            connection.execute(text("SELECT 1"))

    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(ask)
        wait_until(lambda: stopped, "the hanging")
        yield call
        os.kill(stopped[0], signal.SIGCONT)


def test_a_call_in_a_statement_that_hangs_is_let_go(
    database: Database, caught: "Future[None]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "_PATIENCE", 0.05)
    assert isinstance(caught.exception(timeout=20), Unavailable)
    with database.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_who_is_caught_while_the_server_leaves_is_let_go(
    database: Database, caught: "Future[None]"
) -> None:
    """Else their thread would keep the process from ending."""
    database.dispose()
    assert isinstance(caught.exception(timeout=20), Unavailable)


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
