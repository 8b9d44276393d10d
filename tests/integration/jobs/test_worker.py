"""`gatehouse worker`: a process of its own beside the servers."""

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from service.wiring import Stores
from tests.support.commands import Shell
from tests.support.databases import Databases
from tests.support.waiting import wait_until

_COMMAND = Path(sys.executable).with_name("gatehouse")


@pytest.fixture
def stores(databases: Databases) -> Stores:
    return databases.new()


@pytest.fixture
def worker(stores: Stores) -> Iterator["subprocess.Popen[bytes]"]:
    given = {
        "GATEHOUSE_DATABASE_URL": stores.database_url.replace("+psycopg", ""),
        "GATEHOUSE_REDIS_URL": stores.redis_url,
        "GATEHOUSE_ENCRYPTION_KEYS": b64encode(os.urandom(32)).decode(),
    }
    with subprocess.Popen([_COMMAND, "worker"], env=os.environ | given) as process:
        yield process
        process.terminate()


def test_it_does_the_housekeeping(stores: Stores, worker: "subprocess.Popen[bytes]") -> None:
    url = stores.database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:

        def left() -> int:
            row = connection.execute("SELECT count(*) FROM requests").fetchone()
            assert row is not None
            return int(row[0])

        connection.execute(
            "INSERT INTO requests (subject, id, digest, answer, time)"
            " VALUES ('users/x', 'old', '', '', now() - interval '2 days')"
        )
        # It begins with whatever was due last, so nobody waits for the clock.
        wait_until(lambda: left() == 0, "the purge")


def test_it_ends_when_told_to(worker: "subprocess.Popen[bytes]", stores: Stores) -> None:
    with psycopg.connect(stores.database_url.replace("+psycopg", "")) as connection:
        works = "SELECT 1 FROM procrastinate_workers"
        wait_until(lambda: connection.execute(works).fetchone(), "a worker")
    worker.terminate()
    assert worker.wait(20) == 0


def test_in_embedded_mode_it_says_who_does_its_work(tmp_path: Path) -> None:
    done = Shell(tmp_path, GATEHOUSE_DATA_DIR=str(tmp_path / "data")).run("worker")
    assert done.code == 1
    assert "`gatehouse serve` does this work" in done.line
