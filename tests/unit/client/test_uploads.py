"""Uploads against a small server that cuts and refuses."""

import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

from gatehouse_client import Refusal, connect, files, outgoing
from gatehouse_client.files import CHUNK, Progress, download, part_of, upload
from tests.support.waiting import wait_until
from tests.unit.client.small_file_service import NAME, Cut, SmallFileService
from tests.unit.client.transferred import CONTENT, OTHER, Told, names_beside

CANCELLED, UNAVAILABLE = grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE


def test_a_file_is_uploaded_with_what_is_known_of_it(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    told = Told()
    file = upload(
        stub,
        NAME,
        source,
        content_type="application/pdf",
        labels={"team": "apollo"},
        etag="e",
        progress=told,
    )
    assert service.uploaded == CONTENT
    assert file.size == len(CONTENT)
    [header] = service.headers
    assert (header.name, header.content_type, header.etag) == (NAME, "application/pdf", "e")
    assert dict(header.labels) == {"team": "apollo"}
    assert (header.size, header.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert service.largest == CHUNK
    assert told.all[0] == (0, len(CONTENT))
    assert told.all[-1] == (len(CONTENT), len(CONTENT))


def test_it_is_told_how_long_a_file_is_before_that_is_read(stub: FileServiceStub) -> None:
    told = Told()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert told.all[0] == (0, len(CONTENT) - 1000)
            return super().read(size)

    source = Slow(CONTENT)
    source.seek(1000)
    upload(stub, NAME, source, progress=told)


def test_an_empty_file_is_promised_to_be_empty(
    service: SmallFileService, stub: FileServiceStub, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    upload(stub, NAME, tmp_path / "empty")
    assert service.uploaded == b""
    assert service.headers[0].HasField("size")


def test_an_open_file_is_uploaded_from_where_it_stands(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    memory = io.BytesIO(CONTENT)
    memory.seek(1000)
    upload(stub, NAME, memory)
    assert service.uploaded == CONTENT[1000:]
    with source.open("rb") as file:
        file.seek(1000)
        upload(stub, NAME, file)
        assert not file.closed
    assert service.uploaded == CONTENT[1000:]
    assert {it.size for it in service.headers} == {len(CONTENT) - 1000}


def test_what_gives_bytes_is_sent_in_chunks(
    service: SmallFileService, stub: FileServiceStub
) -> None:
    told = Told()
    pieces = (CONTENT[start : start + 7] for start in range(0, len(CONTENT), 7))
    upload(stub, NAME, pieces, progress=told)
    assert service.uploaded == CONTENT
    assert not service.headers[0].HasField("size")
    assert told.all[-1] == (len(CONTENT), None)
    assert len(told.all) == 1 + -(-len(CONTENT) // CHUNK)
    upload(stub, NAME, [CONTENT])
    assert service.uploaded == CONTENT
    assert service.largest == CHUNK
    upload(stub, NAME, [])
    assert service.uploaded == b""


def test_a_pipe_is_sent_as_it_comes(service: SmallFileService, stub: FileServiceStub) -> None:
    reading, writing = os.pipe()
    told = Told()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as into:
            into.write(b"first")
            wait_until(lambda: (5, None) in told.all, "the first bytes being sent")
            into.write(b"second")

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as pipe:
        upload(stub, NAME, pipe, progress=told)
    writer.join()
    assert service.uploaded == b"firstsecond"


def test_a_pipe_that_stands_still_is_still_there(
    service: SmallFileService, stub: FileServiceStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "IDLE", 0.001)

    def slow() -> Iterator[bytes]:
        yield CONTENT
        wait_until(lambda: service.empty > 2, "the server hearing of it")
        yield OTHER

    upload(stub, NAME, slow())
    assert service.uploaded == CONTENT + OTHER


@pytest.mark.parametrize("code", [UNAVAILABLE, CANCELLED])
def test_a_file_whose_upload_is_cut_off_is_sent_again_as_the_same_request(
    service: SmallFileService, stub: FileServiceStub, source: Path, code: grpc.StatusCode
) -> None:
    service.cuts = [Cut(300_000, code), Cut(len(CONTENT), code)]
    upload(stub, NAME, source)
    assert service.uploaded == CONTENT
    assert len(service.headers) == 3
    assert len({it.request_id for it in service.headers}) == 1


def test_an_upload_waits_for_the_attempt_before_to_end(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    service.cuts = [Cut(300_000), Cut(1, grpc.StatusCode.ABORTED, "REQUEST_IN_PROGRESS")]
    upload(stub, NAME, source)
    assert service.uploaded == CONTENT


def test_two_uploads_are_two_requests(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    upload(stub, NAME, source)
    upload(stub, NAME, source)
    upload(stub, NAME, source, request_id="mine")
    first, second, third = (it.request_id for it in service.headers)
    assert first != second
    assert third == "mine"


def test_an_upload_is_given_up_in_the_end(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    service.cuts = [Cut(300_000)] * 9
    with pytest.raises(grpc.RpcError) as given_up:
        upload(stub, NAME, source)
    assert given_up.value.code() is UNAVAILABLE
    assert len(service.headers) == 6


def test_what_can_be_read_only_once_is_sent_once(
    service: SmallFileService, stub: FileServiceStub
) -> None:
    service.cuts = [Cut(300_000)]
    with pytest.raises(grpc.RpcError):
        upload(stub, NAME, iter([CONTENT]))
    assert len(service.headers) == 1
    assert service.uploaded is None


def test_a_refused_upload_ends_at_once_and_says_why(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    service.cuts = [Cut(1, grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")]
    with pytest.raises(grpc.RpcError) as refused:
        upload(stub, NAME, source)
    assert Refusal.of(refused.value).reason == "ERROR_REASON_QUOTA_EXCEEDED"
    assert len(service.headers) == 1


def test_a_refusal_is_heard_while_there_is_more_to_send(
    service: SmallFileService, stub: FileServiceStub
) -> None:
    service.cuts = [Cut(1, grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")]
    endless = iter(lambda: bytes(CHUNK), b"")
    with pytest.raises(grpc.RpcError):
        upload(stub, NAME, endless)


def test_a_source_that_fails_half_way_is_no_file(
    service: SmallFileService, stub: FileServiceStub
) -> None:
    def breaking() -> Iterator[bytes]:
        yield CONTENT
        wait_until(lambda: service.headers, "the upload having begun")
        raise LookupError("the rest is gone")

    with pytest.raises(LookupError, match="the rest is gone"):
        upload(stub, NAME, breaking())
    wait_until(lambda: service.cancelled == 1, "the upload being cancelled")
    assert service.uploaded is None


def test_an_interrupted_upload_is_no_file(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done > CHUNK:
            wait_until(lambda: service.headers, "the upload having begun")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(stub, NAME, source, progress=interrupt)
    wait_until(lambda: service.cancelled == 1, "the upload being cancelled")
    assert service.uploaded is None


def test_a_log_that_grows_is_uploaded_as_it_was(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    def grow() -> None:
        with source.open("ab") as file:
            file.write(b"more")

    upload(stub, NAME, source, progress=once_it_was_read(grow))
    assert service.uploaded == CONTENT


def test_a_file_that_changes_while_it_is_read_is_refused(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    change = once_it_was_read(lambda: source.write_bytes(OTHER))
    with pytest.raises(grpc.RpcError) as refused:
        upload(stub, NAME, source, progress=change)
    assert Refusal.of(refused.value).reason == "ERROR_REASON_CONTENT_MISMATCH"


def test_what_cannot_be_read_is_told_before_anything_is_sent(
    service: SmallFileService, stub: FileServiceStub, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        upload(stub, NAME, tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        upload(stub, NAME, tmp_path)
    assert service.headers == []


# Whichever way


@pytest.mark.long
def test_what_never_began_is_not_begun_again(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "sleep", pytest.fail)
    with connect("127.0.0.1:1") as channel:
        for transfer in (download, upload):
            with pytest.raises(grpc.RpcError) as refused:
                transfer(FileServiceStub(channel), NAME, target if transfer is download else source)
            assert refused.value.code() is UNAVAILABLE
    assert names_beside(target) == [source.name]


def test_what_the_token_raises_reaches_the_caller(
    service: SmallFileService, source: Path, target: Path
) -> None:
    def missing() -> str:
        raise LookupError("not signed in")

    with connect(service.address, token=missing) as channel:
        stub = FileServiceStub(channel)
        with pytest.raises(LookupError, match="not signed in"):
            upload(stub, NAME, source)
        with pytest.raises(LookupError, match="not signed in"):
            download(stub, NAME, target)
    assert not part_of(target).exists()


def once_it_was_read(do: Callable[[], Any]) -> Progress:
    """Does it between the two times that a file is read."""
    told = []

    def tell(done: int, total: int | None) -> None:
        told.append(done)
        if told == [0, 0]:
            do()

    return tell
