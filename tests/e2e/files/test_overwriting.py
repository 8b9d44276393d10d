"""One name, one file: what is there is replaced only by who knows what it is."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import grpc
import pytest

from tests.support.clients import Person
from tests.support.files import content_of, upload, wait_for_upload
from tests.support.house import House
from tests.support.refusals import ABORTED, ALREADY_EXISTS, NOT_FOUND, read, refused

IN_USE = "SELECT o.id FROM file_objects o LEFT JOIN files f ON f.object = o.id WHERE {which}"
LEFT_OVER = IN_USE.format(which="f.object IS NULL AND o.state <> 'DELETED'")


def reasons(calls: list[Callable[[], object]]) -> list[str]:
    """How each call ends, all made at once: why it is refused, empty when it is not."""
    together = Barrier(len(calls))

    def make(call: Callable[[], object]) -> str:
        together.wait(20)
        try:
            call()
        except grpc.RpcError as error:
            return read(error).reason
        return ""

    with ThreadPoolExecutor(len(calls)) as threads:
        return sorted(threads.map(make, calls))


def test_a_name_that_is_taken_is_refused(admin: Person, name: str) -> None:
    upload(admin, name, b"first")
    with refused(ALREADY_EXISTS, reason="NAME_TAKEN"):
        upload(admin, name, b"second")
    assert content_of(admin, name) == b"first"


def test_a_name_that_is_taken_is_refused_before_any_content(admin: Person, name: str) -> None:
    upload(admin, name, b"first")

    def endless() -> Iterator[bytes]:
        while True:
            yield b"a" * 1000

    with refused(ALREADY_EXISTS, reason="NAME_TAKEN"):
        upload(admin, name, endless())


def test_with_the_etag_content_type_and_labels_are_replaced(
    editor: Person, admin: Person, name: str
) -> None:
    before = upload(admin, name, b"first", content_type="text/plain", labels={"a": "1"})
    after = upload(editor, name, b"second!", etag=before.etag, labels={"b": "2"})
    assert content_of(admin, name) == b"second!"
    assert (after.size, after.content_type, dict(after.labels)) == (
        7,
        "application/octet-stream",
        {"b": "2"},
    )
    assert (after.creator, after.create_time) == (admin.name, before.create_time)
    assert after.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()
    assert after.etag != before.etag
    assert admin.files.GetFile(name=name).file == after


def test_an_etag_that_was_is_refused(admin: Person, name: str) -> None:
    first = upload(admin, name, b"first")
    upload(admin, name, b"second", etag=first.etag)
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        upload(admin, name, b"third", etag=first.etag)
    assert content_of(admin, name) == b"second"


def test_an_update_of_the_labels_changes_the_etag_too(admin: Person, name: str) -> None:
    first = upload(admin, name, b"first")
    admin.files.UpdateFile(file={"name": name, "labels": {"a": "1"}})
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        upload(admin, name, b"second", etag=first.etag)


def test_what_is_not_there_cannot_be_replaced(admin: Person, name: str) -> None:
    first = upload(admin, name, b"first")
    admin.files.DeleteFile(name=name)
    with refused(NOT_FOUND, reason="FILE_NOT_FOUND"):
        upload(admin, name, b"second", etag=first.etag)


def test_of_uploads_of_one_name_one_wins_and_nothing_else_is_left(
    gatehouse: House, admin: Person, name: str
) -> None:
    def one(number: int) -> Callable[[], object]:
        return lambda: upload(admin, name, [b"one of ", b"%d" % number])

    assert reasons([one(number) for number in range(6)]) == ["", *["NAME_TAKEN"] * 5]
    assert content_of(admin, name)[:-1] == b"one of "
    assert gatehouse.sql(LEFT_OVER) == []


def test_who_was_first_with_the_whole_of_it_has_the_name(
    gatehouse: House, admin: Person, name: str
) -> None:
    def content() -> Iterator[bytes]:
        yield b"slow"
        wait_for_upload(gatehouse)
        upload(admin, name, b"quick")

    with refused(ALREADY_EXISTS, reason="NAME_TAKEN"):
        upload(admin, name, content())
    assert content_of(admin, name) == b"quick"
    assert gatehouse.sql(LEFT_OVER) == []


def test_of_replacements_at_once_one_wins(gatehouse: House, admin: Person, name: str) -> None:
    etag = upload(admin, name, b"first").etag

    def one(number: int) -> Callable[[], object]:
        return lambda: upload(admin, name, b"%d" % number, etag=etag)

    assert reasons([one(number) for number in range(6)]) == ["", *["ETAG_MISMATCH"] * 5]
    assert len(content_of(admin, name)) == 1
    assert gatehouse.sql(LEFT_OVER) == []


@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        ("update", ABORTED, "ETAG_MISMATCH"),
        ("delete", NOT_FOUND, "FILE_NOT_FOUND"),
        ("move", NOT_FOUND, "FILE_NOT_FOUND"),
    ],
)
def test_what_was_changed_while_content_came_is_not_replaced(
    gatehouse: House, admin: Person, name: str, change: str, code: grpc.StatusCode, why: str
) -> None:
    etag = upload(admin, name, b"first").etag
    changes: dict[str, Callable[[], object]] = {
        "update": lambda: admin.files.UpdateFile(file={"name": name, "labels": {"a": "1"}}),
        "delete": lambda: admin.files.DeleteFile(name=name),
        "move": lambda: admin.files.MoveFile(name=name, destination=f"{name}.old"),
    }

    def content() -> Iterator[bytes]:
        yield b"second"
        wait_for_upload(gatehouse)
        changes[change]()

    with refused(code, reason=why):
        upload(admin, name, content(), etag=etag)
    assert gatehouse.sql(LEFT_OVER) == []


def test_a_name_that_is_freed_while_content_comes_can_be_had(
    gatehouse: House, admin: Person, name: str
) -> None:
    def content() -> Iterator[bytes]:
        yield b"second"
        wait_for_upload(gatehouse)
        upload(admin, name, b"first")
        admin.files.MoveFile(name=name, destination=f"{name}.old")

    upload(admin, name, content())
    assert content_of(admin, name) == b"second"
    assert content_of(admin, f"{name}.old") == b"first"


def test_a_name_is_moved_to_or_uploaded_and_never_both(admin: Person, folder: str) -> None:
    for number in range(5):
        name, other = f"{folder}/{number}", f"{folder}/{number}.old"
        upload(admin, other, b"moved")
        calls: list[Callable[[], object]] = [
            lambda name=name: upload(admin, name, b"uploaded"),
            lambda name=name, other=other: admin.files.MoveFile(name=other, destination=name),
        ]
        assert reasons(calls) == ["", "NAME_TAKEN"]
        assert content_of(admin, name) in {b"moved", b"uploaded"}


def test_of_deletes_and_replacements_at_once_one_is_first(
    gatehouse: House, admin: Person, folder: str
) -> None:
    for number in range(5):
        name = f"{folder}/{number}"
        etag = upload(admin, name, b"first").etag
        calls: list[Callable[[], object]] = [
            lambda name=name, etag=etag: upload(admin, name, b"new", etag=etag),
            lambda name=name, etag=etag: admin.files.DeleteFile(name=name, etag=etag),
        ]
        ended = reasons(calls)
        assert ended in (["", "ETAG_MISMATCH"], ["", "FILE_NOT_FOUND"])
    assert gatehouse.sql(LEFT_OVER) == []
