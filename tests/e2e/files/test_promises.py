"""What an upload's header promises, and how its stream must be."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from gatehouse.files.v1 import file_service_pb2 as pb

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.refusals import INVALID_ARGUMENT, NOT_FOUND, refused

SUM = sha256(b"12345").hexdigest()
OTHER = sha256(b"other").hexdigest()
NO_HEADERS: dict[str, list[dict[str, Any]]] = {
    "a chunk first": [{"chunk": b"x"}],
    "a chunk before the header": [{"chunk": b"x"}, {"header": {"name": "files/a"}}],
    "an empty message": [{}],
}


def message(**content: Any) -> Any:
    return pb.UploadFileRequest(**content)


@pytest.fixture
def nothing_is_left(gatehouse: House, admin: Person, name: str) -> Callable[[], None]:
    """Makes sure that an upload left neither a file, nor an object, nor bytes charged for it."""
    objects = "SELECT id, state FROM file_objects ORDER BY id"
    usage = "SELECT owner, bytes FROM file_usage WHERE bytes <> 0 ORDER BY owner"
    before = gatehouse.sql(objects), gatehouse.sql(usage)

    def check() -> None:
        with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
            admin.files.GetFile(name=name)
        assert (gatehouse.sql(objects), gatehouse.sql(usage)) == before

    return check


def test_a_kept_promise_is_taken(admin: Person, name: str) -> None:
    assert upload(admin, name, b"12345", size=5, sha256=SUM).sha256 == SUM


def test_an_empty_file_can_be_promised(admin: Person, name: str) -> None:
    assert upload(admin, name, b"", size=0, sha256=sha256().hexdigest()).size == 0


@pytest.mark.parametrize("size", [0, 4, 6, 100_000])
def test_another_size_than_promised_is_refused(
    admin: Person, name: str, size: int, nothing_is_left: Callable[[], None]
) -> None:
    with refused(INVALID_ARGUMENT, reason="CONTENT_MISMATCH", fields={"header.size"}):
        upload(admin, name, b"12345", size=size)
    nothing_is_left()


def test_more_than_promised_is_refused_before_it_has_all_come(
    admin: Person, name: str, nothing_is_left: Callable[[], None]
) -> None:
    def for_ever() -> Any:
        while True:
            yield b"a" * 60_000

    with refused(INVALID_ARGUMENT, reason="CONTENT_MISMATCH", fields={"header.size"}):
        upload(admin, name, for_ever(), size=100_000)
    nothing_is_left()


@pytest.mark.parametrize("size", [None, 5])
def test_another_sum_than_promised_is_refused(
    admin: Person, name: str, size: int | None, nothing_is_left: Callable[[], None]
) -> None:
    with refused(INVALID_ARGUMENT, reason="CONTENT_MISMATCH", fields={"header.sha256"}):
        upload(admin, name, b"12345", size=size, sha256=OTHER)
    nothing_is_left()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", -1),
        ("sha256", SUM.upper()),
        ("sha256", SUM[1:]),
        ("sha256", "sha256:" + SUM),
        ("content_type", "text"),
        ("content_type", "text/plain\r\nset-cookie: a=b"),
        ("content_type", "text/" + "a" * 300),
        ("labels", {"Upper": "x"}),
        ("labels", {"": "x"}),
        ("labels", {"a" * 64: "x"}),
        ("labels", {"a": "x" * 257}),
        ("labels", {"a": "two\nlines"}),
        ("labels", {f"k{number}": "x" for number in range(65)}),
        ("etag", "a" * 129),
        ("request_id", "no uuid"),
    ],
)
def test_a_header_that_breaks_the_rules_is_refused(
    admin: Person, name: str, field: str, value: Any
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS") as refusal:
        upload(admin, name, b"x", **{field: value})
    assert all(it.startswith(f"header.{field}") for it in refusal.fields)


@pytest.mark.parametrize("which", NO_HEADERS)
def test_a_stream_begins_with_its_header(admin: Person, which: str) -> None:
    with refused(INVALID_ARGUMENT, reason="HEADER_EXPECTED"):
        admin.files.UploadFile(message(**it) for it in NO_HEADERS[which])


def test_a_stream_has_no_other_header(
    admin: Person, name: str, nothing_is_left: Callable[[], None]
) -> None:
    header = {"name": name}
    for rest in ([message(header=header)], [message(chunk=b"x"), message(header=header)]):
        with refused(INVALID_ARGUMENT, reason="HEADER_EXPECTED"):
            admin.files.UploadFile([message(header=header), *rest])
    nothing_is_left()


def test_a_message_of_nothing_is_refused(
    admin: Person, name: str, nothing_is_left: Callable[[], None]
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS"):
        admin.files.UploadFile([message(header={"name": name}), message(), message(chunk=b"x")])
    nothing_is_left()


def test_an_empty_stream_is_refused(admin: Person) -> None:
    with refused(INVALID_ARGUMENT, reason="MALFORMED_MESSAGE"):
        admin.files.UploadFile([])


def test_a_chunk_may_be_of_two_mebibytes_and_no_more(
    admin: Person, name: str, nothing_is_left: Callable[[], None]
) -> None:
    most = 2 * 1024 * 1024
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"chunk"}):
        upload(admin, name, [b"a" * (most + 1)])
    nothing_is_left()
    assert upload(admin, name, [b"a" * most]).size == most


def test_nothing_is_left_of_it_in_the_store(
    open_house: Callable[..., House], tmp_path: Path
) -> None:
    house = open_house(file_store_url=tmp_path.as_uri())
    with refused(INVALID_ARGUMENT, reason="CONTENT_MISMATCH"):
        upload(house.admin, "files/a", b"12345", sha256=OTHER)
    assert not [it for it in tmp_path.rglob("*") if it.is_file()]
    upload(house.admin, "files/a", b"12345")
    [kept] = [it for it in tmp_path.rglob("*") if it.is_file()]
    assert kept.read_bytes() == b"12345"


def test_a_file_of_the_largest_size_is_taken_and_a_larger_is_not(small_house: House) -> None:
    admin = small_house.admin
    upload(admin, "files/largest", b"a" * 400, size=400)
    with refused(INVALID_ARGUMENT, reason="FILE_TOO_LARGE", fields={"header.size"}):
        upload(admin, "files/a", b"a" * 401, size=401)
    with refused(INVALID_ARGUMENT, reason="FILE_TOO_LARGE", fields={"chunk"}):
        upload(admin, "files/a", b"a" * 401)
    with refused(INVALID_ARGUMENT, reason="FILE_TOO_LARGE", fields={"chunk"}):
        upload(admin, "files/a", [b"a" * 200, b"a" * 200, b"b"])
    assert content_of(admin, "files/largest") == b"a" * 400
    [row] = small_house.sql("SELECT bytes FROM file_usage")
    assert row.bytes == 400
