"""People who work on the same files at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service.files import uploads
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
