"""The reaper: deletes what is nobody's, in time, and never anything else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from service.files.contents import Contents
from service.files.errors import FileChanged
from service.files.object_repository import ObjectRepository
from service.storage.objects import StoreUnavailable
from tests.integration.files.conftest import Kept, OpenKept
from tests.support.files import content_of, upload
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
        assert (anywhere.states(), anywhere.usage()) == (["DELETED"], {})
        anywhere.let_pass(minutes=6)
        anywhere.reaper.reap()
        assert anywhere.states() == []
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
    assert anywhere.reaper.reap() == 0
    assert anywhere.usage() == {}
    anywhere.let_pass(minutes=6)
    assert anywhere.reaper.reap() == 1
    assert (anywhere.place.keys(), anywhere.states()) == (set(), [])


@pytest.mark.parametrize("where", [(Contents, "delete"), (ObjectRepository, "forget")], ids=str)
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
        patched.setattr(Contents, "delete", away)
        with pytest.raises(StoreUnavailable):
            kept.reaper.reap()
    assert kept.states() == ["DELETED"]
    assert kept.reaper.reap() == 1


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
