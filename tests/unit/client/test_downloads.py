"""Downloads against a small server that cuts, refuses and lies."""

import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO, cast

import grpc
import pytest
from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

from gatehouse_client.files import Damaged, Replaced, download, part_of
from tests.unit.client.small_file_service import NAME, Cut, SmallFileService
from tests.unit.client.transferred import CONTENT, OTHER, Told, names_beside, sum_of

CANCELLED, UNAVAILABLE = grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE


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


@pytest.mark.parametrize("name_of", [part_of, sum_of])
def test_a_part_is_not_written_through_a_link(
    stub: FileServiceStub, target: Path, tmp_path: Path, name_of: Callable[[Path], Path]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    name_of(target).symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links") as refused:
        download(stub, NAME, target)
    assert refused.value.errno == errno.ELOOP
    assert elsewhere.read_text() == "precious"
    assert names_beside(target) == [name_of(target).name, elsewhere.name]


@pytest.mark.parametrize("cuts", [[], [Cut(0, grpc.StatusCode.NOT_FOUND, "FILE_NOT_FOUND")]])
def test_what_others_call_a_part_is_none_of_ours(
    service: SmallFileService, stub: FileServiceStub, target: Path, cuts: list[Cut]
) -> None:
    others = {
        "q3.pdf.part": "precious",
        "q3.pdf.part.sha256": hashlib.sha256(CONTENT).hexdigest(),
        ".q3.pdf.part": "precious",
    }
    leave(target.parent, others)
    service.cuts = cuts
    with nullcontext() if not cuts else pytest.raises(grpc.RpcError):
        download(stub, NAME, target)
    target.unlink(missing_ok=True)
    assert left(target.parent) == others


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ({".q3.pdf.gatehouse-part": "precious"}, part_of),
        ({".q3.pdf.gatehouse-part": "precious", ".q3.pdf.gatehouse-part.sha256": ""}, part_of),
        ({".q3.pdf.gatehouse-part": "1", ".q3.pdf.gatehouse-part.sha256": "precious"}, sum_of),
        ({".q3.pdf.gatehouse-part": "1", ".q3.pdf.gatehouse-part.sha256": "F" * 64}, sum_of),
        ({".q3.pdf.gatehouse-part.sha256": "0" * 64 + "\nprecious"}, sum_of),
    ],
)
def test_what_has_the_name_of_a_part_and_is_none_stays_as_it_is(
    service: SmallFileService,
    stub: FileServiceStub,
    target: Path,
    there: dict[str, str],
    named: Callable[[Path], Path],
) -> None:
    leave(target.parent, there)
    with pytest.raises(FileExistsError, match="not what a download has left") as refused:
        download(stub, NAME, target)
    assert refused.value.filename == str(named(target))
    assert left(target.parent) == there
    assert service.offsets == []


@pytest.mark.parametrize("name_of", [part_of, sum_of])
def test_a_pipe_with_the_name_of_a_part_holds_nobody_up(
    stub: FileServiceStub, target: Path, name_of: Callable[[Path], Path]
) -> None:
    os.mkfifo(name_of(target))
    with pytest.raises(FileExistsError, match="not what a download has left"):
        download(stub, NAME, target)
    assert names_beside(target) == [name_of(target).name]


def test_a_name_with_no_room_for_that_of_a_part_leaves_nothing(
    stub: FileServiceStub, target: Path
) -> None:
    with pytest.raises(OSError, match="File name too long"):
        download(stub, NAME, target.with_name("a" * 235))
    assert names_beside(target) == []


@pytest.mark.parametrize("size", [0, len(CONTENT)])
def test_what_took_the_place_of_a_part_meanwhile_is_left_there(
    service: SmallFileService, stub: FileServiceStub, target: Path, size: int
) -> None:
    target.write_text("before")
    service.content = CONTENT[:size]

    def swap(done: int, total: int | None) -> None:
        if not target.with_name("elsewhere").exists():
            part_of(target).rename(target.with_name("elsewhere"))
            part_of(target).write_text("precious")

    with pytest.raises(FileNotFoundError, match="was taken away"):
        download(stub, NAME, target, progress=swap)
    assert part_of(target).read_text() == "precious"
    assert target.read_text() == "before"


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


# Into an open file


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


def test_a_raw_file_that_takes_less_than_it_is_given_gets_all(stub: FileServiceStub) -> None:
    class Sparing(io.RawIOBase):
        taken = b""

        def write(self, chunk: Any) -> int:
            self.taken += chunk[:1000]
            return len(chunk[:1000])

    into = Sparing()
    download(stub, NAME, cast(BinaryIO, into))
    assert into.taken == CONTENT


def test_a_raw_file_that_takes_nothing_now_is_told_as_such(stub: FileServiceStub) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with (
        os.fdopen(reading, "rb"),
        os.fdopen(writing, "wb", buffering=0) as into,
        pytest.raises(BlockingIOError, match="takes no more"),
    ):
        download(stub, NAME, cast(BinaryIO, into))


def leave(folder: Path, contents: dict[str, str]) -> None:
    for name, content in contents.items():
        (folder / name).write_text(content)


def left(folder: Path) -> dict[str, str]:
    return {it.name: it.read_text() for it in folder.iterdir()}
