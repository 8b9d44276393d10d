"""The moment in which a file comes to be: before it there is nothing, after it all of it."""

from typing import Any

import pytest

from service.files.repository import FileRepository
from service.kernel.errors import Conflict, Unavailable
from service.storage.database import Tx
from tests.integration.files.conftest import Kept
from tests.support.files import content_of, upload
from tests.support.refusals import INTERNAL, NOT_FOUND, UNAVAILABLE, refused


def test_when_the_database_goes_away_at_the_commit_nothing_is_there(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("The database is away; retry.")

    with monkeypatch.context() as patched:
        patched.setattr(FileRepository, "insert", away)
        with refused(UNAVAILABLE, reason="DATABASE_UNAVAILABLE"):
            upload(kept.admin, "files/a", b"content")
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
        kept.admin.files.GetFile(name="files/a")
    assert (kept.place.keys(), kept.states(), kept.usage()) == (set(), [], {})
    assert kept.house.sql("SELECT 1 FROM events WHERE subject = 'files/a'") == []


def test_a_fault_at_the_commit_leaves_what_was_there(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = upload(kept.admin, "files/a", b"first").etag

    def fault(*_: object, **__: object) -> None:
        raise RuntimeError("a fault that nobody expected")

    with monkeypatch.context() as patched:
        patched.setattr(FileRepository, "update", fault)
        with refused(INTERNAL, reason="INTERNAL"):
            upload(kept.admin, "files/a", b"second", etag=etag)
    assert content_of(kept.admin, "files/a") == b"first"
    assert (len(kept.place.keys()), kept.states()) == (1, ["STORED"])
    assert kept.usage() == {kept.admin.name: 5}


def test_a_commit_whose_answer_was_lost_keeps_its_content(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Tx.commit

    def lost(self: Tx, value: Any) -> Any:
        answer = commit(self, value)
        if value is not None:  # the one that makes the file
            raise Unavailable("The connection was lost.")
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Tx, "commit", lost)
        with refused(UNAVAILABLE, reason="DATABASE_UNAVAILABLE"):
            upload(kept.admin, "files/a", b"content")
    assert content_of(kept.admin, "files/a") == b"content"
    kept.let_pass(minutes=60)
    kept.reaper.reap()
    assert content_of(kept.admin, "files/a") == b"content"
    assert kept.usage() == {kept.admin.name: 7}


def test_a_collision_at_the_commit_is_tried_again(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, tried = FileRepository.insert, []

    def collides(self: FileRepository, file: Any) -> None:
        tried.append(file.name)
        if len(tried) < 3:
            raise Conflict
        insert(self, file)

    with monkeypatch.context() as patched:
        patched.setattr(FileRepository, "insert", collides)
        upload(kept.admin, "files/a", b"content")
    assert len(tried) == 3
    assert content_of(kept.admin, "files/a") == b"content"
    assert kept.states() == ["STORED"]


@pytest.mark.parametrize("rpc", ["DeleteFile", "MoveFile"])
def test_a_fault_while_a_file_is_taken_away_leaves_it(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, rpc: str
) -> None:
    upload(kept.admin, "files/a", b"content")

    def fault(*_: object) -> None:
        raise RuntimeError("a fault that nobody expected")

    fields = {"DeleteFile": {}, "MoveFile": {"destination": "files/b"}}[rpc]
    with monkeypatch.context() as patched:
        patched.setattr(Tx, "record", fault)
        with refused(INTERNAL, reason="INTERNAL"):
            getattr(kept.admin.files, rpc)(name="files/a", **fields)
    assert content_of(kept.admin, "files/a") == b"content"
    assert kept.states() == ["STORED"]
    assert [it.name for it in kept.admin.files.ListFiles().files] == ["files/a"]
