"""People who work on the same files at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service.files import uploads
from service.files.repository import FileRepository
from service.kernel.call import Call
from tests.integration.files.conftest import Kept
from tests.support.clients import Person
from tests.support.files import content_of, upload


def new_editor(kept: Kept) -> Person:
    person = kept.house.new_person()
    kept.house.grant(person.name, "roles/file-editor", "/files")
    return person


def test_two_who_replace_each_others_files_do_not_wait_for_each_other(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = new_editor(kept), new_editor(kept)
    files = [upload(ada, "files/a", b"ada"), upload(bob, "files/b", b"bob")]
    # A deadlock is ended by PostgreSQL after a second, and then retried: nobody would notice.
    monkeypatch.setattr(uploads, "retried", lambda use_case: use_case())
    for turn in range(20):
        people = [bob, ada] if turn % 2 == 0 else [ada, bob]

        def replace(person: Person, file: Any) -> Any:
            return upload(person, file.name, b"%d" % turn, etag=file.etag)  # noqa: B023

        with ThreadPoolExecutor(2) as threads:
            files = list(threads.map(replace, people, files))
    assert content_of(ada, "files/a") == content_of(bob, "files/b") == b"19"
    assert kept.usage() == {ada.name: 2, bob.name: 2}


def test_a_file_that_came_to_be_after_the_lock_is_not_taken_for_locked(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = new_editor(kept)
    really = FileRepository.find

    def find_later(files: FileRepository, name: str) -> Any:
        if name == "files/late" and really(files, name) is None:
            with monkeypatch.context() as undone:
                undone.setattr(FileRepository, "find", really)
                upload(ada, name, b"came in between")
        return really(files, name)

    monkeypatch.setattr(FileRepository, "find", find_later)
    with kept.house.application.services.database.transaction(Call.internal("test")) as tx:
        assert FileRepository(tx.connection).find_for_update("files/late") is None
