"""Downloads: from anywhere, and what becomes of one whose file is taken from under it."""

from collections.abc import Callable
from random import Random

import pytest

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.refusals import INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE, refused

CONTENT = Random(1).randbytes(9 * 1024 * 1024)


def test_what_is_not_there_cannot_be_downloaded(admin: Person, name: str) -> None:
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND") as refusal:
        next(admin.files.DownloadFile(name=name))
    assert refusal.resource == ("gatehouse.files.v1.File", name)


def test_from_its_very_end_on_a_file_has_nothing_more(admin: Person, name: str) -> None:
    upload(admin, name, b"12345")
    assert content_of(admin, name, offset=5) == b""
    assert content_of(admin, name, offset=5, length=100) == b""


@pytest.mark.parametrize("offset", [6, 2**40, 2**63 - 1])
def test_beyond_the_end_is_out_of_range(admin: Person, name: str, offset: int) -> None:
    upload(admin, name, b"12345")
    with refused(OUT_OF_RANGE, reason="OFFSET_OUT_OF_RANGE") as refusal:
        next(admin.files.DownloadFile(name=name, offset=offset))
    assert refusal.metadata == {"size": "5"}


def test_an_empty_file_has_only_its_end(either: House, name: str) -> None:
    upload(either.admin, name, b"")
    assert content_of(either.admin, name) == b""
    with refused(OUT_OF_RANGE, reason="OFFSET_OUT_OF_RANGE"):
        next(either.admin.files.DownloadFile(name=name, offset=1))


@pytest.mark.parametrize("field", ["offset", "length"])
def test_nothing_less_than_nothing_is_taken(admin: Person, name: str, field: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={field}):
        next(admin.files.DownloadFile(name=name, **{field: -1}))


def test_the_largest_offset_and_length_are_no_trouble(admin: Person, name: str) -> None:
    upload(admin, name, b"12345")
    most = 2**63 - 1
    assert content_of(admin, name, offset=2, length=most) == b"345"


AWAY: dict[str, Callable[[Person, str, str], object]] = {
    "replaced": lambda admin, name, etag: upload(admin, name, b"other", etag=etag),
    "deleted": lambda admin, name, _: admin.files.DeleteFile(name=name),
    "moved": lambda admin, name, _: admin.files.MoveFile(name=name, destination=f"{name}.new"),
}


@pytest.mark.parametrize("how", AWAY)
def test_what_began_goes_on_when_the_file_is_gone(either: House, folder: str, how: str) -> None:
    name = f"{folder}/{how}"
    file = upload(either.admin, name, CONTENT)
    download = either.admin.files.DownloadFile(name=name)
    assert next(download).file == file
    AWAY[how](either.admin, name, file.etag)
    *chunks, end = download
    assert b"".join(it.chunk for it in chunks) == CONTENT
    assert end.end.sha256 == file.sha256
