"""FILE_QUOTA: how many bytes somebody may keep, whatever they say beforehand."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import grpc
import pytest

from tests.support.clients import Person
from tests.support.files import content_of, upload, wait_for_upload
from tests.support.house import House
from tests.support.refusals import (
    ALREADY_EXISTS,
    INVALID_ARGUMENT,
    RESOURCE_EXHAUSTED,
    read,
    refused,
)

SIZES = pytest.mark.parametrize("declared", [True, False])


@pytest.fixture(scope="module")
def kept(module_house: Callable[..., House]) -> House:
    """One where anybody may keep 1,000 bytes."""
    return module_house(file_quota=1000)


@pytest.fixture
def somebody(kept: House) -> Person:
    """Somebody who may do anything with files."""
    person = kept.new_person()
    kept.grant(person.name, "roles/file-editor", "/files")
    return person


def put(person: Person, name: str, size: int, *, declared: bool = True, **header: Any) -> Any:
    """Uploads so many bytes."""
    if declared:
        header["size"] = size
    return upload(person, name, b"a" * size, **header)


@SIZES
def test_a_quota_can_be_filled_to_the_last_byte_and_no_further(
    somebody: Person, folder: str, declared: bool
) -> None:
    for number, size in enumerate([1, 500, 499]):
        put(somebody, f"{folder}/{number}", size, declared=declared)
    with refused(RESOURCE_EXHAUSTED, reason="QUOTA_EXCEEDED") as refusal:
        put(somebody, f"{folder}/more", 1, declared=declared)
    assert "1000" in refusal.message
    put(somebody, f"{folder}/empty", 0, declared=declared)


def test_a_promise_beyond_it_is_refused_before_any_content(somebody: Person, name: str) -> None:
    asked = Event()

    def never() -> Iterator[bytes]:
        asked.wait(20)
        yield b""

    with refused(RESOURCE_EXHAUSTED, reason="QUOTA_EXCEEDED"):
        upload(somebody, name, never(), size=1001)
    asked.set()


@SIZES
def test_what_is_deleted_is_free_again(somebody: Person, name: str, declared: bool) -> None:
    for _ in range(3):
        put(somebody, name, 1000, declared=declared)
        somebody.files.DeleteFile(name=name)


@SIZES
def test_what_failed_is_free_again(somebody: Person, name: str, declared: bool) -> None:
    for _ in range(3):
        with refused(INVALID_ARGUMENT, reason="CONTENT_MISMATCH"):
            put(somebody, name, 900, declared=declared, sha256="0" * 64)
        with refused(RESOURCE_EXHAUSTED, reason="QUOTA_EXCEEDED"):
            put(somebody, name, 1001, declared=declared)
    put(somebody, name, 1000, declared=declared)
    for _ in range(3):
        with refused(ALREADY_EXISTS, reason="NAME_TAKEN"):
            put(somebody, name, 0, declared=declared)


def test_what_is_replaced_is_free_again(somebody: Person, folder: str) -> None:
    file = put(somebody, f"{folder}/a", 600)
    put(somebody, f"{folder}/a", 400, etag=file.etag)
    put(somebody, f"{folder}/b", 600)


def test_moving_costs_nothing(somebody: Person, folder: str) -> None:
    put(somebody, f"{folder}/a", 1000)
    somebody.files.MoveFile(name=f"{folder}/a", destination=f"{folder}/b")
    somebody.files.DeleteFile(name=f"{folder}/b")
    put(somebody, f"{folder}/a", 1000)


def test_everybody_has_their_own(kept: House, somebody: Person, folder: str) -> None:
    put(somebody, f"{folder}/a", 1000)
    other = kept.new_person()
    kept.grant(other.name, "roles/file-editor", "/files")
    put(other, f"{folder}/b", 1000)
    somebody.files.DeleteFile(name=f"{folder}/b")
    put(other, f"{folder}/c", 1000)


def test_who_replaces_content_is_charged_for_it_and_not_who_made_the_file(
    kept: House, somebody: Person, folder: str
) -> None:
    file = put(somebody, f"{folder}/a", 700)
    other = kept.new_person()
    kept.grant(other.name, "roles/file-editor", "/files")
    after = put(other, f"{folder}/a", 800, etag=file.etag)
    assert after.creator == somebody.name
    put(somebody, f"{folder}/b", 1000)
    with refused(RESOURCE_EXHAUSTED, reason="QUOTA_EXCEEDED"):
        put(other, f"{folder}/c", 201)
    put(other, f"{folder}/c", 200)


@SIZES
def test_uploads_at_once_do_not_get_beyond_it_together(
    somebody: Person, folder: str, declared: bool
) -> None:
    def one(number: int) -> bool:
        try:
            put(somebody, f"{folder}/{number}", 300, declared=declared)
        except grpc.RpcError as error:
            refusal = read(error)
            assert refusal.reason == "QUOTA_EXCEEDED"
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        done = sum(threads.map(one, range(8)))
    assert 1 <= done <= 3
    kept = somebody.files.ListFiles(parent=folder).files
    assert [it.size for it in kept] == [300] * done
    for number in range(3 - done):
        put(somebody, f"{folder}/later-{number}", 300)
    with refused(RESOURCE_EXHAUSTED, reason="QUOTA_EXCEEDED"):
        put(somebody, f"{folder}/more", 101)


def test_what_is_still_coming_counts(kept: House, somebody: Person, folder: str) -> None:
    def content() -> Iterator[bytes]:
        yield b"a" * 500
        wait_for_upload(kept)
        with refused(RESOURCE_EXHAUSTED, reason="QUOTA_EXCEEDED"):
            put(somebody, f"{folder}/b", 500)
        yield b"a" * 100

    upload(somebody, f"{folder}/a", content(), size=600)
    put(somebody, f"{folder}/b", 400)
    assert len(content_of(somebody, f"{folder}/a")) == 600
