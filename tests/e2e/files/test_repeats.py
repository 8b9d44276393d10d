"""Request ids: one effect and one answer, however often it is sent."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from gatehouse.files.v1 import file_service_pb2 as pb

from tests.support.clients import Person
from tests.support.files import content_of, upload
from tests.support.house import House
from tests.support.refusals import ALREADY_EXISTS, INVALID_ARGUMENT, read, refused

SUM = sha256(b"content").hexdigest()
SUMS = pytest.mark.parametrize("promised", [{}, {"sha256": SUM}], ids=["unpromised", "promised"])


@pytest.fixture
def request_id() -> str:
    return str(uuid4())


def how_often(gatehouse: House, name: str) -> int:
    """How many events tell of the file."""
    return len(gatehouse.sql("SELECT 1 FROM events WHERE subject = :it", it=name))


@SUMS
def test_an_upload_can_be_repeated(
    gatehouse: House, editor: Person, name: str, request_id: str, promised: dict[str, str]
) -> None:
    first = upload(editor, name, b"content", request_id=request_id, **promised)
    for _ in range(2):
        assert upload(editor, name, b"content", request_id=request_id, **promised) == first
    assert how_often(gatehouse, name) == 1
    [row] = gatehouse.sql("SELECT bytes FROM file_usage WHERE owner = :it", it=editor.name)
    assert row.bytes == 7


@SUMS
def test_a_replacement_can_be_repeated(
    gatehouse: House, editor: Person, name: str, request_id: str, promised: dict[str, str]
) -> None:
    header: dict[str, Any] = {"etag": upload(editor, name, b"first").etag, "request_id": request_id}
    first = upload(editor, name, b"content", **header, **promised)
    assert upload(editor, name, b"content", **header, **promised) == first
    assert how_often(gatehouse, name) == 2
    [row] = gatehouse.sql("SELECT bytes FROM file_usage WHERE owner = :it", it=editor.name)
    assert row.bytes == 7


@SUMS
def test_a_repeat_is_answered_as_it_was_then(
    admin: Person, name: str, request_id: str, promised: dict[str, str]
) -> None:
    first = upload(admin, name, b"content", request_id=request_id, **promised)
    admin.files.DeleteFile(name=name)
    assert upload(admin, name, b"content", request_id=request_id, **promised) == first
    assert list(admin.files.ListFiles(parent=name).files) == []


def test_with_a_sum_a_repeat_is_answered_before_its_content(
    admin: Person, name: str, request_id: str
) -> None:
    first = upload(admin, name, b"content", request_id=request_id, sha256=SUM)

    def endless() -> Iterator[bytes]:
        while True:
            yield b"a" * 1000

    again = upload(admin, name, endless(), request_id=request_id, sha256=SUM)
    assert again == first


def test_cut_into_other_chunks_it_is_the_same_upload(
    admin: Person, name: str, request_id: str
) -> None:
    first = upload(admin, name, b"content", request_id=request_id)
    assert upload(admin, name, [b"con", b"", b"tent"], request_id=request_id) == first


def test_other_content_under_the_same_id_is_refused(
    admin: Person, name: str, request_id: str
) -> None:
    upload(admin, name, b"content", request_id=request_id)
    with refused(INVALID_ARGUMENT, reason="REQUEST_ID_REUSED", fields={"request_id"}):
        upload(admin, name, b"another", request_id=request_id)
    assert content_of(admin, name) == b"content"


def test_another_sum_under_the_same_id_is_refused(
    admin: Person, name: str, request_id: str
) -> None:
    upload(admin, name, b"content", request_id=request_id, sha256=SUM)
    other = sha256(b"another").hexdigest()
    with refused(INVALID_ARGUMENT, reason="REQUEST_ID_REUSED", fields={"request_id"}):
        upload(admin, name, b"another", request_id=request_id, sha256=other)


@SUMS
@pytest.mark.parametrize("other", [{"labels": {"a": "1"}}, {"content_type": "text/html"}], ids=str)
def test_another_header_under_the_same_id_is_refused(
    admin: Person, name: str, request_id: str, promised: dict[str, str], other: dict[str, Any]
) -> None:
    upload(admin, name, b"content", request_id=request_id, **promised)
    with refused(INVALID_ARGUMENT, reason="REQUEST_ID_REUSED", fields={"request_id"}):
        upload(admin, name, b"content", request_id=request_id, **promised, **other)


@SUMS
def test_another_name_under_the_same_id_is_refused(
    admin: Person, name: str, request_id: str, promised: dict[str, str]
) -> None:
    upload(admin, name, b"content", request_id=request_id, **promised)
    with refused(INVALID_ARGUMENT, reason="REQUEST_ID_REUSED", fields={"request_id"}):
        upload(admin, f"{name}.other", b"content", request_id=request_id, **promised)
    assert [it.name for it in admin.files.ListFiles(parent=name).files] == [name]


@SUMS
def test_another_id_is_another_upload(
    admin: Person, name: str, request_id: str, promised: dict[str, str]
) -> None:
    upload(admin, name, b"content", request_id=request_id, **promised)
    with refused(ALREADY_EXISTS, reason="NAME_TAKEN"):
        upload(admin, name, b"content", request_id=str(uuid4()), **promised)


@SUMS
def test_what_was_refused_can_be_tried_again(
    admin: Person, name: str, request_id: str, promised: dict[str, str]
) -> None:
    upload(admin, name, b"in the way")
    with refused(ALREADY_EXISTS, reason="NAME_TAKEN"):
        upload(admin, name, b"content", request_id=request_id, **promised)
    admin.files.DeleteFile(name=name)
    upload(admin, name, b"content", request_id=request_id, **promised)
    assert content_of(admin, name) == b"content"


def test_two_callers_may_use_the_same_id(
    admin: Person, editor: Person, name: str, request_id: str
) -> None:
    upload(admin, name, b"content", request_id=request_id)
    upload(editor, f"{name}.mine", b"content", request_id=request_id)
    assert content_of(admin, f"{name}.mine") == b"content"


MUTATIONS: dict[str, Callable[[Person, str], tuple[str, dict[str, Any]]]] = {
    "update": lambda admin, name: ("UpdateFile", {"file": {"name": name, "labels": {"a": "1"}}}),
    "move": lambda admin, name: ("MoveFile", {"name": name, "destination": f"{name}.new"}),
    "delete": lambda admin, name: ("DeleteFile", {"name": name}),
}


@pytest.mark.parametrize("which", MUTATIONS)
def test_every_other_mutation_can_be_repeated(
    gatehouse: House, admin: Person, name: str, request_id: str, which: str
) -> None:
    upload(admin, name, b"content")
    rpc, fields = MUTATIONS[which](admin, name)
    call = getattr(admin.files, rpc)
    first = call(request_id=request_id, **fields)
    assert call(request_id=request_id, **fields) == first
    assert how_often(gatehouse, name) == 2


def test_ten_at_once_have_one_effect(
    gatehouse: House, admin: Person, name: str, request_id: str
) -> None:
    header = {"name": name, "request_id": request_id}
    sent = [pb.UploadFileRequest(header=header), pb.UploadFileRequest(chunk=b"content")]
    calls = [admin.files.UploadFile.future(iter(sent)) for _ in range(10)]
    answers = set()
    for call in calls:
        if (error := call.exception()) is None:
            answers.add(call.result().SerializeToString(deterministic=True))
        else:
            assert read(error).reason == "REQUEST_IN_PROGRESS"
    assert len(answers) == 1
    assert how_often(gatehouse, name) == 1
    left = "SELECT 1 FROM file_objects WHERE owner = :it AND state = 'WRITING'"
    assert gatehouse.sql(left, it=admin.name) == []
