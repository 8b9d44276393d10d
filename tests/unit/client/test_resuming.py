"""Downloads that are cut off, and what they left gone on with."""

import fcntl
import hashlib
from pathlib import Path
from typing import Any

import grpc
import pytest
from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

from gatehouse_client.files import CutShort, Damaged, Replaced, download, part_of
from tests.unit.client.small_file_service import NAME, Cut, SmallFileService
from tests.unit.client.transferred import CONTENT, OTHER, Told, leave_part, names_beside, sum_of

CANCELLED, UNAVAILABLE = grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE


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


@pytest.mark.parametrize(
    "of", [None, "", hashlib.sha256(CONTENT).hexdigest()], ids=["no sum", "an empty sum", "the sum"]
)
def test_a_part_in_which_nothing_had_arrived_begins_at_the_beginning(
    service: SmallFileService, stub: FileServiceStub, target: Path, of: str | None
) -> None:
    part_of(target).touch()
    if of is not None:
        sum_of(target).write_text(of)
    download(stub, NAME, target)
    assert service.offsets == [0]
    assert target.read_bytes() == CONTENT
    assert names_beside(target) == [target.name]


def test_a_part_outlives_a_refusal(
    service: SmallFileService, stub: FileServiceStub, target: Path
) -> None:
    leave_part(target, CONTENT[:100_000], of=CONTENT)
    service.cuts = [Cut(0, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")]
    with pytest.raises(grpc.RpcError):
        download(stub, NAME, target)
    download(stub, NAME, target)
    assert service.offsets == [100_000, 100_000]
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
    leave_part(target, CONTENT, of=CONTENT)
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
