"""Old events: exported to a file, and only then deleted."""

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from service.events.archive import EventArchive
from service.files.reaping import Reaper
from service.files.uploads import Uploads
from service.jobs import archiving
from service.jobs.archiving import EventArchiver
from service.kernel.call import Call
from service.kernel.errors import Unavailable
from service.storage.queue import Queue
from service.wiring import BackgroundWork
from tests.support.databases import Databases
from tests.support.files import content_of
from tests.support.house import House, house, settings
from tests.support.moved_clock import MovedClock
from tests.support.refusals import OUT_OF_RANGE, refused
from tests.support.waiting import wait_until

NOTHING = timedelta(0)
FOLDER = "files/archive/events"


@pytest.fixture
def old_house(open_house: Callable[..., House]) -> House:
    """A house of one's own, with a few events in it."""
    running = open_house()
    for _ in range(3):
        running.new_user()
    return running


@pytest.fixture
def archiver(
    old_house: House, monkeypatch: pytest.MonkeyPatch
) -> Callable[[timedelta], EventArchiver]:
    """Archives events older than so much, however few they are."""
    monkeypatch.setattr(archiving, "_WORTH_A_FILE", NOTHING)

    def over(keep: timedelta) -> EventArchiver:
        services = old_house.application.services
        archive = EventArchive(services.database, keep)
        return EventArchiver(archive, services.uploads, source="https://gatehouse.example")

    return over


def positions(house: House) -> list[int]:
    return [row.position for row in house.sql("SELECT position FROM events ORDER BY position")]


def archived(house: House) -> Iterator[Any]:
    """Every event in every file, oldest first."""
    files = house.admin.files.ListFiles(parent=FOLDER).files
    for file in sorted(files, key=lambda it: it.name):
        lines = gzip.decompress(content_of(house.admin, file.name)).splitlines()
        yield from map(json.loads, lines)


def test_what_is_old_is_in_a_file_and_gone_and_the_rest_is_as_it_was(
    old_house: House, archiver: Callable[[timedelta], EventArchiver]
) -> None:
    events = list(reversed(old_house.admin.events.ListEvents().events))
    exported, deleted = archiver(NOTHING).run()
    assert exported == deleted == len(events)
    kept = list(archived(old_house))
    assert [it["id"] for it in kept] == [it.id for it in events]
    assert kept[0]["data"] == MessageToDict(events[0].data)
    assert kept[-1]["peeraddress"] in {"", "127.0.0.1"}
    left = {event.id for event in old_house.admin.events.ListEvents(page_size=1000).events}
    assert not left & {it["id"] for it in kept}


def test_what_is_not_old_stays(
    old_house: House, archiver: Callable[[timedelta], EventArchiver]
) -> None:
    before = positions(old_house)
    assert archiver(timedelta(days=1)).run() == (0, 0)
    assert positions(old_house) == before


def test_a_day_of_events_is_worth_a_file(
    old_house: House,
    archiver: Callable[[timedelta], EventArchiver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archiving, "_WORTH_A_FILE", timedelta(days=1))
    assert archiver(NOTHING).run() == (0, 0)


def test_the_newest_stays_because_its_place_is_where_everyone_is(
    old_house: House, archiver: Callable[[timedelta], EventArchiver]
) -> None:
    newest = positions(old_house)[-1]
    archiver(NOTHING).run()
    assert positions(old_house)[-1] >= newest


def test_nothing_is_deleted_that_could_not_be_stored(
    old_house: House,
    archiver: Callable[[timedelta], EventArchiver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("The store is away.")

    before = positions(old_house)
    monkeypatch.setattr(Uploads, "upload", away)
    with pytest.raises(Unavailable):
        archiver(NOTHING).run()
    assert positions(old_house) == before


def test_killed_before_it_was_noted_they_are_stored_once_more_and_none_is_lost(
    old_house: House,
    archiver: Callable[[timedelta], EventArchiver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException): ...

    def killed(*_: object) -> None:
        raise Killed

    events = {event.id for event in old_house.admin.events.ListEvents(page_size=1000).events}
    with monkeypatch.context() as patched:
        patched.setattr(EventArchive, "note_exported", killed)
        with pytest.raises(Killed):
            archiver(NOTHING).run()
    archiver(NOTHING).run()
    assert events <= {it["id"] for it in archived(old_house)}


def test_who_may_not_read_files_cannot_read_the_archive(
    old_house: House, archiver: Callable[[timedelta], EventArchiver]
) -> None:
    archiver(NOTHING).run()
    assert not old_house.new_person().files.ListFiles(parent=FOLDER).files


def test_a_watcher_cannot_resume_among_what_is_gone(
    old_house: House, archiver: Callable[[timedelta], EventArchiver]
) -> None:
    cursor = old_house.admin.events.ListEvents().events[-1].revision
    archiver(NOTHING).run()
    with refused(OUT_OF_RANGE, reason="CURSOR_EXPIRED"):
        next(old_house.admin.events.WatchEvents(cursor=cursor))


def test_the_worker_archives_whatever_the_limits_of_files_are(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To it, every upload under a clock that was moved has stood still for days.
    monkeypatch.setattr(Reaper, "reap", lambda self: 0)
    stores = databases.new()
    clock = MovedClock(stores)
    chosen = settings(event_retention=timedelta(days=1), file_size_limit=10, file_quota=10)
    with house(stores, chosen) as running:
        newest = positions(running)[-1]
        work = BackgroundWork(chosen, stores)
        work.start()
        try:
            clock.move(timedelta(days=3).total_seconds(), running.application.services)
            with running.application.services.database.transaction(Call.internal("test")) as tx:
                Queue().defer(tx, "archive", timestamp="0")
                tx.commit(None)
            wait_until(lambda: positions(running)[0] > newest - 1, "the end of what is old")
        finally:
            work.stop()
