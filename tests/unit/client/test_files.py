"""Uploads and downloads against a small server that cuts, replaces and lies."""

import errno
import fcntl
import hashlib
import io
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

from gatehouse_client import Refusal, connect, files, outgoing
from gatehouse_client.files import CHUNK, CutShort, Damaged, Replaced, download, part_of, upload
from tests.support.waiting import wait_until
from tests.unit.client.small_file_service import (
    NAME,
    Cut,
    SmallFileService,
    small_file_service,
)

# More than gRPC keeps for an attempt of its own, and no multiple of anything.
CONTENT = os.urandom(700_001)
OTHER = os.urandom(650_003)
CANCELLED, UNAVAILABLE = grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def service() -> Iterator[SmallFileService]:
    with small_file_service(CONTENT, chunk=64 * 1024) as running:
        yield running


@pytest.fixture
def stub(service: SmallFileService) -> Iterator[FileServiceStub]:
    with connect(service.address) as channel:
        yield FileServiceStub(channel)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PAUSES", (0.0,) * 5)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "q3.pdf"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


class Told:
    """What a progress callback was told."""

    def __init__(self) -> None:
        self.all: list[tuple[int, int | None]] = []

    def __call__(self, done: int, total: int | None) -> None:
        self.all.append((done, total))


def leave_part(target: Path, content: bytes, *, of: bytes) -> None:
    """What a download of `of` leaves that was killed with `content` arrived."""
    part = part_of(target)
    part.write_bytes(content)
    part.with_name(f"{part.name}.sha256").write_text(hashlib.sha256(of).hexdigest())


def names_beside(target: Path) -> list[str]:
    return sorted(it.name for it in target.parent.iterdir())


# Downloads to a path


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1])
def test_a_file_arrives_whole_and_alone(
    service: SmallFileService, stub: FileServiceStub, target: Path, size: int
) -> None:
    service.content = CONTENT[:size]
    told = Told()
    file = download(stub, NAME, target, progress=told)
    assert target.read_bytes() == CONTENT[:size]
    assert file.size == size
    assert names_beside(target) == [target.name]
    assert told.all[0] == (0, size)
    assert told.all[-1] == (size, size)


def test_a_folder_gets_a_file_of_that_name(stub: FileServiceStub, tmp_path: Path) -> None:
    download(stub, NAME, str(tmp_path))
    assert (tmp_path / "q3.pdf").read_bytes() == CONTENT


def test_a_target_gets_the_mode_of_any_new_file(stub: FileServiceStub, target: Path) -> None:
    target.touch(mode=0o600)
    before = os.umask(0o027)
    try:
        download(stub, NAME, target)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_link_is_replaced_and_not_written_through(
    stub: FileServiceStub, target: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    target.symlink_to(elsewhere)
    download(stub, NAME, target)
    assert elsewhere.read_text() == "precious"
    assert not target.is_symlink()


@pytest.mark.parametrize("suffix", ["", ".sha256"])
def test_a_part_is_not_written_through_a_link(
    stub: FileServiceStub, target: Path, tmp_path: Path, suffix: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    part = part_of(target)
    part.with_name(part.name + suffix).symlink_to(elsewhere)
    if suffix:
        download(stub, NAME, target)
    else:
        with pytest.raises(OSError, match="symbolic links") as refused:
            download(stub, NAME, target)
        assert refused.value.errno == errno.ELOOP
    assert elsewhere.read_text() == "precious"


def test_what_is_no_ordinary_file_is_not_replaced(stub: FileServiceStub, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="no ordinary file"):
        download(stub, NAME, tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_what_is_refused_leaves_nothing(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    target.write_text("before")
    service.cuts = [Cut(0, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")]
    with pytest.raises(grpc.RpcError):
        download(stub, NAME, target)
    assert names_beside(target) == [target.name]
    assert target.read_text() == "before"


def test_a_content_is_kept_safely_before_it_takes_its_place_and_the_place_after(
    stub: FileServiceStub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: there.append(target.exists()))
    download(stub, NAME, target)
    assert there == [False, True]


# Cut off, and gone on with


@pytest.mark.parametrize("code", [UNAVAILABLE, CANCELLED, grpc.StatusCode.OK])
def test_a_download_that_is_cut_off_goes_on_where_it_was(
    service: SmallFileService, stub: FileServiceStub, target: Path, code: grpc.StatusCode
) -> None:
    service.cuts = [Cut(100_000, code), Cut(300_001, code)]
    download(stub, NAME, target)
    assert target.read_bytes() == CONTENT
    assert service.offsets == [0, 100_000, 300_001]


def test_bytes_that_arrive_begin_the_patience_anew(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    service.cuts = [Cut(n * 50_000) for n in range(1, 10)]
    download(stub, NAME, target)
    assert target.read_bytes() == CONTENT


def test_it_gives_up_and_a_later_run_goes_on(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    target.write_text("before")
    service.cuts = [Cut(100_000)] * 6
    with pytest.raises(grpc.RpcError) as given_up:
        download(stub, NAME, target)
    assert given_up.value.code() is UNAVAILABLE
    assert service.offsets == [0] + [100_000] * 5
    assert target.read_text() == "before"
    assert part_of(target).read_bytes() == CONTENT[:100_000]
    told = Told()
    download(stub, NAME, target, progress=told)
    assert service.offsets[-1] == 100_000
    assert told.all[0] == (100_000, len(CONTENT))
    assert target.read_bytes() == CONTENT
    assert names_beside(target) == [target.name]


def test_a_stream_that_always_stops_short_is_no_file(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    service.cuts = [Cut(100_000, grpc.StatusCode.OK)] * 6
    with pytest.raises(CutShort, match="cut off after 100000 of 700001 bytes"):
        download(stub, NAME, target)
    assert not target.exists()


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


@pytest.mark.parametrize("other", [OTHER, OTHER[:1000], b""])
def test_a_part_of_another_version_is_not_gone_on_with(
    service: SmallFileService, stub: FileServiceStub, target: Path, other: bytes
) -> None:
    leave_part(target, CONTENT[:100_000], of=CONTENT)
    service.content = other
    download(stub, NAME, target)
    assert service.offsets == [100_000, 0]
    assert target.read_bytes() == other


@pytest.mark.parametrize("found", [CONTENT[:99_999] + b"?", CONTENT + b"more", OTHER])
def test_a_part_that_is_none_is_found_out_and_not_kept(
    service: SmallFileService, stub: FileServiceStub, target: Path, found: bytes
) -> None:
    leave_part(target, found, of=CONTENT)
    download(stub, NAME, target)
    assert target.read_bytes() == CONTENT
    assert service.offsets[-1] == 0


def test_a_part_of_nobody_knows_what_is_not_gone_on_with(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    part_of(target).write_bytes(CONTENT[:100_000])
    download(stub, NAME, target)
    assert service.offsets == [0]
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_all_only_needs_to_be_told_so(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    leave_part(target, CONTENT, of=CONTENT)
    download(stub, NAME, target)
    assert service.offsets == [len(CONTENT)]
    assert target.read_bytes() == CONTENT


def test_a_file_that_is_replaced_meanwhile_arrives_as_it_is_then(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    service.versions = [CONTENT, OTHER, OTHER]
    service.cuts = [Cut(100_000, grpc.StatusCode.ABORTED, "FILE_CHANGED")]
    download(stub, NAME, target)
    assert target.read_bytes() == OTHER
    service.versions = [CONTENT, OTHER, OTHER]
    service.cuts = [Cut(100_000)]
    download(stub, NAME, target)
    assert target.read_bytes() == OTHER


def test_a_file_that_is_always_replaced_is_given_up(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    service.cuts = [Cut(100_000, grpc.StatusCode.ABORTED, "FILE_CHANGED")] * 9
    with pytest.raises(Replaced, match="was replaced or deleted while it was downloaded"):
        download(stub, NAME, target)
    assert not target.exists()


def test_a_content_of_another_sum_than_was_told_is_not_kept(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    service.told_sha256 = hashlib.sha256(OTHER).hexdigest()
    with pytest.raises(Damaged, match="arrived damaged"):
        download(stub, NAME, target)
    assert names_beside(target) == []


def test_two_downloads_to_one_target_do_not_mix(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    refused: list[OSError] = []

    def another(done: int, total: int | None) -> None:
        if done and not refused:
            with pytest.raises(BlockingIOError, match="another download is writing to it") as it:
                download(stub, NAME, target)
            refused.append(it.value)

    download(stub, NAME, target, progress=another)
    assert target.read_bytes() == CONTENT
    assert refused[0].filename == str(part_of(target))


def test_a_part_that_took_its_place_before_it_was_locked_is_left_there(
    stub: FileServiceStub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part_of(target).write_bytes(CONTENT)
    lock = fcntl.flock

    def late(file: Any, how: int) -> None:
        if not target.exists():
            part_of(target).rename(target)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    download(stub, NAME, target)
    assert target.read_bytes() == CONTENT
    assert names_beside(target) == [target.name]


def test_an_interrupted_download_keeps_what_arrived(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done > 200_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(stub, NAME, target, progress=interrupt)
    kept = part_of(target).read_bytes()
    assert len(kept) > 200_000
    assert kept == CONTENT[: len(kept)]
    assert not target.exists()


# Downloads into an open file


def test_an_open_file_gets_the_content_once_however_often_it_is_cut(
    service: SmallFileService, stub: FileServiceStub
) -> None:
    service.cuts = [Cut(100_000), Cut(100_000), Cut(300_001, CANCELLED)]
    into = io.BytesIO()
    download(stub, NAME, into)
    assert into.getvalue() == CONTENT


@pytest.mark.parametrize(
    ("cut", "asked"),
    [
        (Cut(100_000), [0, 100_000]),
        (Cut(100_000, grpc.StatusCode.ABORTED, "FILE_CHANGED"), [0]),
    ],
)
def test_an_open_file_never_gets_two_contents(
    service: SmallFileService, stub: FileServiceStub, cut: Cut, asked: list[int]
) -> None:
    service.versions = [CONTENT, OTHER]
    service.cuts = [cut]
    into = io.BytesIO()
    with pytest.raises(Replaced):
        download(stub, NAME, into)
    assert into.getvalue() == CONTENT[:100_000]
    assert service.offsets == asked


def test_an_open_file_is_told_of_a_wrong_sum(
    service: SmallFileService, stub: FileServiceStub
) -> None:
    service.told_sha256 = "0" * 64
    with pytest.raises(Damaged):
        download(stub, NAME, io.BytesIO())


def test_a_full_disk_ends_the_call(service: SmallFileService, stub: FileServiceStub) -> None:
    class Full(io.BytesIO):
        def write(self, chunk: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        download(stub, NAME, Full())


# Uploads


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
    def grow(done: int, total: int | None) -> None:
        if not done:
            with source.open("ab") as file:
                file.write(b"more")

    upload(stub, NAME, source, progress=grow)
    assert service.uploaded == CONTENT


def test_a_file_that_changes_while_it_is_read_is_refused(
    service: SmallFileService, stub: FileServiceStub, source: Path
) -> None:
    def change(done: int, total: int | None) -> None:
        if not done:
            source.write_bytes(OTHER)

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
