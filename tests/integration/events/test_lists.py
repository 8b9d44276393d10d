"""Lists of events, against a plain list that is filtered in Python."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from service.events import convert
from service.events.models import EventFilter, RecordedEvent
from service.events.repository import EventRepository
from service.events.service import EventService
from service.kernel.pages import PageRequest
from service.storage.database import Database
from service.storage.pages import InvalidPageToken, Pager
from service.wiring import Stores
from tests.integration.events.conftest import opened
from tests.support.databases import RING, Databases

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TYPES = [
    *("gatehouse.users.created", "gatehouse.users.deleted", "gatehouse.users", "gatehouse.usersx"),
    *(
        "a%b",
        "axb",
        "a_b",
        "a\\b",
        "A",
        "a",
        "ab",
        "B",
        "b",
        "ä",
        "ä.ö",
        "z",
        "\U0001d54f",
        "\uffff",
    ),
]
PREFIXES = [
    *TYPES,
    "",
    "g",
    "gatehouse.",
    "gatehouse.users.",
    "a%",
    "a_",
    "%",
    "_",
    "nothing",
    "zz",
]
WHO = ["", "users/1", "users/2", "users/ä", "users/%", "users/none"]
# Some positions are those of changes.
_INSERT = """
INSERT INTO events (position, id, type, subject, actor, time, request_id, peer, data)
VALUES (
    CASE WHEN %s THEN nextval('positions') + 0 * nextval('positions') ELSE nextval('positions') END,
    gen_random_uuid(), %s, %s, %s, %s, 'r', '', %s
)
"""


@dataclass
class Archive:
    """Events in a database, and the same in a list, oldest first."""

    service: EventService
    database: Database
    events: list[RecordedEvent]

    def read(self, which: EventFilter, size: int) -> Iterator[list[RecordedEvent]]:
        """Page after page."""
        token = ""
        while True:
            page = self.service.list(which, PageRequest(size, token, "the same"))
            yield page.items
            token = page.next_page_token
            if not token:
                return

    def wanted(self, which: EventFilter) -> list[int]:
        return [it.position for it in self.events if fits(it, which)]


def fits(event: RecordedEvent, which: EventFilter) -> bool:
    """What the contract says of a filter."""
    return (
        event.type[: len(which.type_prefix)] == which.type_prefix
        and which.subject in ("", event.subject)
        and which.actor in ("", event.actor)
        and not (which.start and event.time < which.start)
        and not (which.end and event.time >= which.end)
    )


def fill(stores: Stores, count: int, seed: int) -> None:
    """Writes events, several at one time, with changes among them."""
    chance = Random(seed)
    url = stores.database_url.replace("+psycopg", "")
    rows, time = [], START
    for number in range(count):
        time += chance.choice([timedelta(0), SECOND, timedelta(microseconds=1)])
        who = [chance.choice(WHO[:-1]) for _ in range(2)]
        data = Jsonb({"number": number})
        rows.append([chance.random() < 0.3, chance.choice(TYPES), *who, time, data])
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)


@pytest.fixture(scope="module")
def archive(databases: Databases) -> Iterator[Archive]:
    stores = databases.new()
    fill(stores, 400, seed=5)
    with opened(stores) as database:
        yield of(database)


def of(database: Database) -> Archive:
    with database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT *, peer AS peer_address FROM events").all()
    events = [
        RecordedEvent(revision="", **{k: v for k, v in row._mapping.items() if k != "peer"})
        for row in rows
    ]
    events.sort(key=lambda it: it.position)
    return Archive(EventService(database, Pager(RING)), database, events)


_TIMES = st.none() | st.builds(
    lambda seconds, more: START + timedelta(seconds=seconds, microseconds=more),
    st.integers(-2, 150),
    st.integers(-2, 2) | st.integers(0, 150),
)
FILTERS = st.builds(
    EventFilter,
    type_prefix=st.sampled_from(PREFIXES) | st.just(""),
    subject=st.sampled_from(WHO) | st.just(""),
    actor=st.sampled_from(WHO) | st.just(""),
    start=_TIMES,
    end=_TIMES,
)


@given(which=FILTERS, size=st.integers(1, 500))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_all_pages_together_are_what_fits_newest_first(
    archive: Archive, which: EventFilter, size: int
) -> None:
    wanted = archive.wanted(which)[::-1]
    pages = list(archive.read(which, max(size, len(wanted) // 20)))
    assert [it.position for page in pages for it in page] == wanted
    assert all(len(page) == len(pages[0]) for page in pages[:-1]), "no page is short but the last"


@given(which=FILTERS, size=st.integers(20, 500), data=st.data())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_what_comes_after_a_position_is_what_fits_oldest_first(
    archive: Archive, which: EventFilter, size: int, data: st.DataObject
) -> None:
    last = archive.events[-1].position
    after, through = data.draw(st.integers(0, last)), data.draw(st.integers(0, last + 5))
    with archive.database.reading() as connection:
        events = EventRepository(connection, archive.database.history)
        found = events.after(after, which, size, through=through)
    wanted = [it for it in archive.wanted(which) if after < it <= through]
    assert [it.position for it in found] == wanted[:size]


@given(which=FILTERS)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_filter_takes_an_event_exactly_if_the_list_has_it(
    archive: Archive, which: EventFilter
) -> None:
    taken = [it.position for it in archive.events if which.takes(it)]
    assert taken == archive.wanted(which)


def test_a_time_is_the_first_that_is_listed_and_the_first_that_is_not(archive: Archive) -> None:
    time = archive.events[200].time
    [since] = archive.read(EventFilter(start=time), 1000)
    [until] = archive.read(EventFilter(end=time), 1000)
    assert min(it.time for it in since) == time
    assert max(it.time for it in until) < time
    assert len(since) + len(until) == len(archive.events)
    assert list(archive.read(EventFilter(start=time, end=time), 10)) == [[]]


@pytest.mark.parametrize("seed", range(3))
def test_pages_are_of_what_there_was_whatever_is_written_meanwhile(
    stores: Stores, database: Database, seed: int
) -> None:
    fill(stores, 60, seed)
    archive = of(database)
    which = EventFilter(type_prefix="a")
    read = []
    for page in archive.read(which, 3):
        read += [it.position for it in page]
        fill(stores, 10, seed)
    assert read == archive.wanted(which)[::-1]


def test_a_token_is_good_for_nothing_else(archive: Archive) -> None:
    page = archive.service.list(EventFilter(), PageRequest(1, "", "of one list"))
    with pytest.raises(InvalidPageToken):
        archive.service.list(EventFilter(), PageRequest(1, page.next_page_token, "of another"))


def test_a_page_of_large_events_is_no_larger_than_a_message(
    database: Database, behind: psycopg.Connection
) -> None:
    numbers = Jsonb({"numbers": [1] * 50_000})
    for _ in range(10):
        behind.execute(_INSERT, [False, "t", "", "", START, numbers])
    pages = list(of(database).read(EventFilter(), 1000))
    assert sum(map(len, pages)) == 10
    for page in pages:
        assert sum(convert.event(it, "").ByteSize() for it in page) < 4 * 1024 * 1024
