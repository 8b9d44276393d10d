"""The reaper: deletes what is nobody's, in time, and never anything else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from time import sleep
from uuid import UUID

import procrastinate
import procrastinate.testing
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from service.files.errors import FileChanged
from service.files.object_repository import ObjectRepository
from service.files.reaping import ObjectsLeft, Reaper
from service.jobs.housekeeping import add_housekeeping
from service.kernel.call import Call
from service.storage.objects import ObjectStore, StoreUnavailable
from tests.integration.files.conftest import Kept, OpenKept
from tests.support.files import content_of, upload
from tests.support.places import FolderPlace
from tests.support.refusals import ABORTED, INVALID_ARGUMENT, NOT_FOUND, refused
from tests.support.waiting import wait_until

PART = 4 * 1024 * 1024


class Killed(BaseException):
    """What ends a process in the middle of something."""


def killed(*_: object) -> None:
    raise Killed


def test_what_was_deleted_stays_for_five_minutes_and_goes_then(anywhere: Kept) -> None:
    upload(anywhere.admin, "files/a", b"content")
    anywhere.admin.files.DeleteFile(name="files/a")
    anywhere.let_pass(minutes=4.9)
    assert anywhere.reaper.reap() == 0
    assert len(anywhere.place.keys()) == 1
    anywhere.let_pass(minutes=0.2)
    assert anywhere.reaper.reap() == 1
    assert (anywhere.place.keys(), anywhere.states(), anywhere.usage()) == (set(), [], {})


def test_so_does_what_was_replaced(kept: Kept) -> None:
    etag = upload(kept.admin, "files/a", b"first").etag
    upload(kept.admin, "files/a", b"second", etag=etag)
    kept.let_pass(minutes=6)
    assert kept.reaper.reap() == 1
    assert len(kept.place.keys()) == 1
    assert content_of(kept.admin, "files/a") == b"second"


def test_what_is_some_files_content_is_never_reaped(kept: Kept) -> None:
    upload(kept.admin, "files/a", b"content")
    kept.admin.files.MoveFile(name="files/a", destination="files/b")
    kept.let_pass(minutes=60 * 24 * 365)
    assert kept.reaper.reap() == 0
    assert content_of(kept.admin, "files/b") == b"content"


def test_an_upload_that_goes_on_is_not_given_up(kept: Kept) -> None:
    def content() -> Iterator[bytes]:
        yield b"a" * 1000
        wait_until(kept.is_coming, "the upload")
        kept.let_pass(minutes=9.9)
        kept.reaper.reap()
        yield b"b" * 1000

    upload(kept.admin, "files/a", content())
    assert len(content_of(kept.admin, "files/a")) == 2000


@pytest.mark.parametrize("declared", [True, False])
def test_an_upload_that_comes_back_after_it_was_given_up_leaves_nothing(
    anywhere: Kept, declared: bool
) -> None:
    content = Random(1).randbytes(PART + 2000)

    def chunks() -> Iterator[bytes]:
        yield content[: 1024 * 1024]
        wait_until(anywhere.is_coming, "the upload")
        anywhere.let_pass(minutes=11)
        anywhere.reaper.reap()
        assert (anywhere.states(), anywhere.usage()) == ([], {})
        for at in range(1024 * 1024, len(content), 1024 * 1024):
            yield content[at : at + 1024 * 1024]

    size = {"size": len(content)} if declared else {}
    with refused(ABORTED, reason="UPLOAD_GIVEN_UP"):
        upload(anywhere.admin, "files/a", chunks(), **size)
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
        anywhere.admin.files.GetFile(name="files/a")
    assert (anywhere.place.keys(), anywhere.states(), anywhere.usage()) == (set(), [], {})


def test_of_an_upload_whose_server_was_killed_nothing_is_left(
    anywhere: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("service.files.uploads._Upload.give_up", lambda self: None)
        with refused(INVALID_ARGUMENT, reason="CONTENT_MISMATCH"):
            upload(anywhere.admin, "files/a", b"a" * (PART + 1), size=2 * PART)
    assert (len(anywhere.place.keys()), anywhere.states()) == (1, ["WRITING"])
    assert anywhere.usage() == {anywhere.admin.name: 2 * PART}
    anywhere.let_pass(minutes=9)
    assert anywhere.reaper.reap() == 0
    anywhere.let_pass(minutes=2)
    assert anywhere.reaper.reap() == 1
    assert (anywhere.place.keys(), anywhere.states(), anywhere.usage()) == (set(), [], {})


@pytest.mark.parametrize("where", [(ObjectStore, "delete"), (ObjectRepository, "forget")], ids=str)
def test_a_reaper_that_was_killed_is_gone_on_for_by_the_next(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, where: tuple[type, str]
) -> None:
    for number in range(3):
        upload(kept.admin, f"files/{number}", b"content")
        kept.admin.files.DeleteFile(name=f"files/{number}")
    kept.let_pass(minutes=6)
    with monkeypatch.context() as patched:
        patched.setattr(*where, killed)
        with pytest.raises(Killed):
            kept.reaper.reap()
    assert kept.states() == ["DELETED"] * 3
    assert kept.reaper.reap() == 3
    assert (kept.place.keys(), kept.states()) == (set(), [])


def test_what_cannot_be_deleted_now_is_deleted_later(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(kept.admin, "files/a", b"content")
    kept.admin.files.DeleteFile(name="files/a")
    kept.let_pass(minutes=6)

    def away(*_: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "delete", away)
        with pytest.raises(StoreUnavailable):
            kept.reaper.reap()
    assert kept.states() == ["DELETED"]
    assert kept.reaper.reap() == 1


def delete_some(kept: Kept, count: int) -> list[str]:
    """Deletes as many new files some time ago; answers their objects, the oldest first."""
    for number in range(count):
        upload(kept.admin, f"files/{number}", b"content")
        kept.admin.files.DeleteFile(name=f"files/{number}")
    kept.let_pass(minutes=6)
    rows = kept.house.sql("SELECT id FROM file_objects WHERE state = 'DELETED' ORDER BY time")
    return [str(row.id) for row in rows]


@pytest.mark.parametrize("at_once", [1, 100])
def test_what_cannot_be_deleted_is_named_and_keeps_nothing_else(
    kept: Kept,
    folder: FolderPlace,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:
    monkeypatch.setattr("service.files.reaping._AT_ONCE", at_once)
    bad, *_, worse = delete_some(kept, 4)
    for one in (bad, worse):
        place = folder.root / one[-2:] / one
        (place / "00000").unlink()
        place.rmdir()
        place.touch()
    with capture_logs() as lines, pytest.raises(ObjectsLeft, match="2 objects"):
        kept.reaper.reap()
    assert kept.states() == ["DELETED"] * 2
    assert [(it["event"], it["object"]) for it in lines] == [
        ("an object cannot be deleted", bad),
        ("an object cannot be deleted", worse),
    ]
    assert not any("exc_info" in it for it in lines)
    assert all("Not a directory" in it["why"] for it in lines)


def test_a_files_content_is_kept_whatever_its_state_and_keeps_nothing_else(kept: Kept) -> None:
    upload(kept.admin, "files/whole", b"content")
    kept.house.sql("UPDATE file_objects SET state = 'DELETED'")
    delete_some(kept, 3)
    assert len(kept.place.keys()) == 4
    with pytest.raises(ObjectsLeft, match="1 object"):
        kept.reaper.reap()
    assert kept.states() == ["DELETED"]
    assert len(kept.place.keys()) == 1


def test_a_files_object_is_not_forgotten_nor_keeps_others_from_being(kept: Kept) -> None:
    upload(kept.admin, "files/whole", b"content")
    kept.house.sql("UPDATE file_objects SET state = 'DELETED'")
    delete_some(kept, 2)
    with kept.house.application.services.database.transaction(Call.internal("test")) as tx:
        ids = tx.connection.execute(text("SELECT id FROM file_objects")).scalars()
        ObjectRepository(tx.connection).forget(list(ids))
        tx.commit(None)
    assert kept.states() == ["DELETED"]


def test_once_the_store_is_away_no_more_is_asked_of_it_and_what_is_gone_is_forgotten(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete_some(kept, 10)
    really, asked = ObjectStore.delete, 0

    def goes_away(store: ObjectStore, object_id: UUID) -> None:
        nonlocal asked
        asked += 1
        if asked > 3:
            raise StoreUnavailable
        really(store, object_id)

    monkeypatch.setattr(ObjectStore, "delete", goes_away)
    with pytest.raises(StoreUnavailable):
        kept.reaper.reap()
    assert asked == 5
    assert len(kept.states()) == 7


def test_a_reaper_is_over_before_the_next_begins(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.files.reaping._SECONDS", 0.4)
    delete_some(kept, 5)
    really = ObjectStore.delete

    def slowly(store: ObjectStore, object_id: UUID) -> None:
        sleep(0.3)
        really(store, object_id)

    monkeypatch.setattr(ObjectStore, "delete", slowly)
    assert 1 <= kept.reaper.reap() <= 2
    assert len(kept.states()) >= 3


@pytest.mark.parametrize(
    ("error", "why"),
    [(ObjectsLeft(3), "3 objects cannot be deleted"), (StoreUnavailable(), "The file store is")],
)
def test_what_could_not_be_reaped_is_a_line_in_the_log(
    kept: Kept, error: Exception, why: str
) -> None:
    class Failing(Reaper):
        def reap(self) -> int:
            raise error

    services = kept.house.application.services
    queue = procrastinate.App(connector=procrastinate.testing.InMemoryConnector())
    add_housekeeping(queue, services.database, Failing(services.database, services.object_store))
    with capture_logs() as lines:
        queue.tasks["reap"](timestamp=0)
    [line] = lines
    assert (line["event"], line["log_level"]) == ("not all was reaped", "error")
    assert line["why"].startswith(why)
    assert "exc_info" not in line


def test_two_reapers_do_each_other_no_harm(anywhere: Kept) -> None:
    for number in range(12):
        upload(anywhere.admin, f"files/{number}", b"content")
        anywhere.admin.files.DeleteFile(name=f"files/{number}")
    upload(anywhere.admin, "files/anywhere", b"content")
    anywhere.let_pass(minutes=6)
    reapers = [anywhere.reaper for _ in range(3)]
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda it: it.reap(), reapers))
    assert (len(anywhere.place.keys()), anywhere.states()) == (1, ["STORED"])
    assert content_of(anywhere.admin, "files/anywhere") == b"content"


def test_more_than_are_taken_at_once_are_reaped(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.files.reaping._AT_ONCE", 2)
    for number in range(5):
        upload(kept.admin, f"files/{number}", b"content")
        kept.admin.files.DeleteFile(name=f"files/{number}")
    kept.let_pass(minutes=6)
    assert kept.reaper.reap() == 5
    assert kept.place.keys() == set()


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_download_ends_as_changed_when_its_content_is_reaped(
    open_kept: OpenKept, how: str
) -> None:
    kept = open_kept(file_encryption=True)
    content = Random(2).randbytes(9 * 1024 * 1024)
    etag = upload(kept.admin, "files/a", content).etag
    download = kept.files.download("files/a", 0, 0)
    first = next(download.chunks)
    if how == "deleted":
        kept.admin.files.DeleteFile(name="files/a")
    else:
        upload(kept.admin, "files/a", b"other", etag=etag)
    kept.let_pass(minutes=6)
    assert kept.reaper.reap() == 1
    got = [first]
    with pytest.raises(FileChanged):
        got.extend(download.chunks)
    assert content.startswith(b"".join(got))
    assert len(b"".join(got)) < len(content)
