"""Several workers share the sending, and any of them may be killed."""

import asyncio
import os
import subprocess
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import forked
from tests.support.databases import RING_KEY, Databases
from tests.support.house import House, house, settings
from tests.support.receiver import Connection, Receiver, receivers
from tests.support.things import ThingHappened, happen
from tests.support.waiting import wait_until

PLACES = 8  # that a webhook has in each process
Worker = subprocess.Popen[str]
_LEFT = "SELECT count(*) AS n FROM deliveries WHERE state = 'PENDING'"
_UNTRIED = f"{_LEFT} AND attempts = 0"


async def take_its_time(connection: Connection) -> None:
    """Answers after a moment, so that there is always something on its way."""
    await asyncio.sleep(0.1)
    await connection.answer(200)


@pytest.fixture
def sending(databases: Databases) -> Iterator[House]:
    """A house whose sending is for others to do."""
    with house(databases.new(), settings(webhook_allow_private=True)) as running:
        yield running


@pytest.fixture
def new_worker(sending: House, tmp_path: Path) -> Iterator[Callable[[], Worker]]:
    """Starts `gatehouse worker`, and returns once it works."""

    def start() -> Any:
        given = {
            "GATEHOUSE_DATABASE_URL": sending.stores.database_url.replace("+psycopg", ""),
            "GATEHOUSE_REDIS_URL": sending.stores.redis_url,
            "GATEHOUSE_ENCRYPTION_KEYS": b64encode(RING_KEY).decode(),
            "GATEHOUSE_DATA_DIR": str(tmp_path),
            "GATEHOUSE_WEBHOOK_ALLOW_PRIVATE": "true",
            "GATEHOUSE_LOG_FORMAT": "json",
        }
        process = forked.run(
            ["gatehouse", "worker"],
            env=os.environ | given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        lines: list[str] = []
        stream: Any = process.stderr
        reader = threading.Thread(target=lambda: lines.extend(stream))
        reader.start()
        running.append((process, reader))
        wait_until(lambda: any('"working"' in it for it in list(lines)), "the worker")
        return process

    running: list[tuple[Any, threading.Thread]] = []
    yield start
    for process, reader in running:
        process.kill()
        reader.join()
        with process:
            pass


@pytest.fixture
def webhooks(sending: House) -> Iterator[list[Receiver]]:
    """Three receivers, subscribed."""
    with receivers() as make:
        made = [make(take_its_time) for _ in range(3)]
        for receiver in made:
            wanted = {"url": receiver.url(), "event_types": [ThingHappened.type]}
            sending.admin.webhooks.CreateWebhook(webhook=wanted)
        yield made


def events(house: House) -> set[str]:
    rows = house.sql("SELECT id FROM events WHERE type = :it", it=ThingHappened.type)
    return {str(row.id) for row in rows}


def received(receiver: Receiver) -> Counter[str]:
    return Counter(it.id for it in list(receiver.received))


def none(house: House, query: str) -> bool:
    return house.sql(query)[0].n == 0


def test_workers_share_the_work_and_send_nothing_twice(
    sending: House, webhooks: list[Receiver], new_worker: Callable[[], Any]
) -> None:
    for _ in range(3):
        new_worker()
    happen(sending, *["things/1"] * 150)
    wait_until(lambda: all(len(it.received) >= 150 for it in webhooks), "all of them")
    wait_until(lambda: none(sending, _LEFT), "the last answers")
    for receiver in webhooks:
        assert received(receiver) == dict.fromkeys(events(sending), 1)
    assert max(it.most_open for it in webhooks) > PLACES, "one process did it all"


def test_one_that_is_killed_loses_nothing_and_what_it_was_at_is_sent_by_another(
    sending: House, webhooks: list[Receiver], new_worker: Callable[[], Any]
) -> None:
    doomed, _ = new_worker(), new_worker()
    happen(sending, *["things/1"] * 150)
    wait_until(lambda: len(webhooks[0].received) > 30, "the middle of it")
    doomed.kill()
    happen(sending, *["things/1"] * 50)
    wait_until(lambda: len(events(sending)) == 200 and none(sending, _UNTRIED), "the others")
    wait_until(lambda: not any(it.open for it in webhooks), "the last answers")
    # What is left was the killed one's; nobody else takes it up before its time has run out.
    sending.sql(
        "UPDATE deliveries SET next_attempt_time = now()"
        " WHERE state = 'PENDING' AND last_attempt_time < now() - interval '1 second'"
    )
    wait_until(lambda: none(sending, _LEFT), "what the killed one was at")
    for receiver in webhooks:
        times = received(receiver)
        assert set(times) == events(sending)
        assert sum(times.values()) <= 200 + PLACES, "more was sent again than it can have been at"


@pytest.mark.long
def test_all_may_be_killed_again_and_again_while_things_go_on_happening(
    sending: House, webhooks: list[Receiver], new_worker: Callable[[], Any]
) -> None:
    for _ in range(3):
        worker = new_worker()
        before = len(webhooks[0].received)
        happen(sending, *["things/1"] * 40)
        wait_until(lambda before=before: len(webhooks[0].received) > before + 5, "some of them")
        happen(sending, *["things/1"] * 20)
        worker.kill()
    sending.sql("UPDATE deliveries SET next_attempt_time = now() WHERE state = 'PENDING'")
    new_worker()
    wait_until(lambda: all(set(received(it)) == events(sending) for it in webhooks), "every event")
    assert len(events(sending)) == 180


def test_told_to_stop_it_lets_what_is_on_its_way_arrive(
    sending: House, webhooks: list[Receiver], new_worker: Callable[[], Any]
) -> None:
    first = new_worker()
    happen(sending, *["things/1"] * 60)
    wait_until(lambda: len(webhooks[0].received) > 10, "some of them")
    first.terminate()
    assert first.wait(30) == 0
    assert none(sending, f"{_LEFT} AND attempts > 0"), "it left something claimed"
    new_worker()
    wait_until(lambda: none(sending, _LEFT), "the rest")
    for receiver in webhooks:
        assert received(receiver) == dict.fromkeys(events(sending), 1)
