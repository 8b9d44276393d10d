"""Positions, times and commits are one order."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import psycopg

from service.events.models import EventFilter, RecordedEvent
from service.events.repository import EventRepository
from service.kernel.call import Call
from service.kernel.events import Event
from service.storage.database import Database
from service.wiring import Stores
from tests.support.moved_clock import MovedClock


@dataclass(frozen=True, slots=True)
class Tried(Event):
    type: ClassVar[str] = "tried"


def commit(database: Database, *subjects: str) -> None:
    with database.transaction(Call.internal("test")) as tx:
        for subject in subjects:
            tx.record(Tried(subject))
        tx.commit(None)


def events(database: Database) -> list[RecordedEvent]:
    with database.reading() as connection:
        return EventRepository(connection, database.history).after(0, EventFilter(), 10_000)


def test_a_clock_that_is_set_back_does_not_set_the_history_back(
    stores: Stores, database: Database
) -> None:
    clock = MovedClock(stores)
    commit(database, "1")
    clock.move(-3600)
    commit(database, "2", "3")
    clock.move(7200)
    commit(database, "4")
    found = events(database)
    assert [it.subject for it in found] == ["1", "2", "3", "4"]
    times = [it.time for it in found]
    assert times[0] == times[1] == times[2] < times[3]


def test_a_time_in_the_future_is_not_gone_back_from(
    database: Database, behind: psycopg.Connection
) -> None:
    behind.execute(
        "INSERT INTO events (id, type, subject, actor, time, request_id, peer, data)"
        " VALUES (gen_random_uuid(), 't', '', '', now() + interval '1 day', '', '', '{}')"
    )
    commit(database, "after")
    ahead, after = events(database)
    assert after.subject == "after"
    assert after.time == ahead.time
    with database.reading() as connection:
        since = EventFilter(start=after.time)
        found = EventRepository(connection, database.history).after(0, since, 10)
    assert len(found) == 2


def test_the_events_of_one_transaction_have_one_time_in_their_order(database: Database) -> None:
    subjects = [str(number) for number in range(500)]
    commit(database, *subjects)
    found = events(database)
    assert [it.subject for it in found] == subjects
    assert len({it.time for it in found}) == 1


def test_with_many_writers_positions_and_times_are_one_order(database: Database) -> None:
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(lambda number: commit(database, f"{number}", f"{number}"), range(200)))
    found = events(database)
    assert len(found) == 400
    assert [it.time for it in found] == sorted(it.time for it in found)
    assert all(one.subject == two.subject for one, two in zip(found[::2], found[1::2], strict=True))
