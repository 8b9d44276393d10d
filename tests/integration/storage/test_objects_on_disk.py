"""A local disk: what is acknowledged is on it, what was cut is cleaned up, full is no failure."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from service.kernel.errors import StorageFull
from service.settings import BadSetting, Settings
from service.storage.objects import ObjectStore, PartMissing, StoredPart, StoreUnavailable, Stray
from service.wiring import object_store_of
from tests.support.places import FolderPlace, read

ONE = UUID("6a1c7a62-31f6-4a5c-9a46-2f1f5a3c11ab")
FOLDER = f"ab/{ONE}"


@pytest.fixture
def objects(folder: FolderPlace) -> ObjectStore:
    return ObjectStore.open(folder.url)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths that the disk was waited for, in order."""
    paths: list[Path] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return paths


def test_a_parts_content_is_on_the_disk_when_put_returns(
    objects: ObjectStore, folder: FolderPlace, synced: list[Path]
) -> None:
    for content in (b"hello", b"again"):
        objects.put(ONE, 3, content)
        assert str(synced.pop()).startswith(str(folder.root / FOLDER / "00003#"))


def test_every_name_down_to_the_parts_is_on_the_disk_once_an_object_is_settled(
    objects: ObjectStore, folder: FolderPlace, synced: list[Path]
) -> None:
    objects.put(ONE, 0, b"hello")
    synced.clear()
    objects.settle(ONE)
    assert synced == [folder.root / FOLDER, folder.root / "ab", folder.root]


def test_a_new_root_is_on_the_disk_when_it_is_opened(tmp_path: Path, synced: list[Path]) -> None:
    ObjectStore.open((tmp_path / "some/where").as_uri())
    assert synced == [tmp_path / "some", tmp_path]


def test_what_is_deleted_stays_so_after_a_power_cut(
    objects: ObjectStore, folder: FolderPlace, synced: list[Path]
) -> None:
    objects.put(ONE, 0, b"hello")
    synced.clear()
    objects.delete(ONE)
    assert synced[-1] == folder.root / "ab"


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EIO, StoreUnavailable),
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
    ],
)
def test_what_the_disk_did_not_take_is_not_acknowledged(
    objects: ObjectStore, monkeypatch: pytest.MonkeyPatch, number: int, told: type[Exception]
) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    for use in (lambda: objects.put(ONE, 0, b"hello"), lambda: objects.settle(ONE)):
        with pytest.raises(told):
            use()


def test_a_part_is_seen_whole_even_while_it_is_replaced(objects: ObjectStore) -> None:
    size = 1 << 20
    objects.put(ONE, 0, bytes(size))

    def put(byte: int) -> None:
        for _ in range(10):
            objects.put(ONE, 0, bytes([byte]) * size)

    with ThreadPoolExecutor(2) as threads:
        puts = [threads.submit(put, byte) for byte in (1, 2)]
        seen = [read(objects, ONE, 0, 0, size)]
        while not all(it.done() for it in puts):
            seen.append(read(objects, ONE, 0, 0, size))
    assert all(it.result() is None for it in puts)
    assert {len(set(it)) for it in seen} == {1}


# The kernel kills it in the middle of its write, at the first byte beyond 100,000.
_KILLED = """
import resource, signal, sys
from uuid import UUID
from service.storage.objects import ObjectStore

objects = ObjectStore.open(sys.argv[1])
objects.put(UUID(sys.argv[2]), 0, b"whole")
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
objects.put(UUID(sys.argv[2]), 1, bytes(4_000_000))
"""


@pytest.fixture
def killed(objects: ObjectStore, folder: FolderPlace) -> str:
    """What a killed put of part 1 has left, by its key."""
    arguments = [sys.executable, "-c", _KILLED, folder.url, str(ONE)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGXFSZ
    [left] = folder.keys() - {f"{FOLDER}/00000"}
    return left


def test_what_a_killed_put_leaves_is_no_part(objects: ObjectStore, killed: str) -> None:
    assert set(objects.parts()) == {StoredPart(ONE, 0, 5), Stray(killed, 100_000)}
    with pytest.raises(PartMissing):
        read(objects, ONE, 1, 0, 1)


def test_a_killed_put_can_be_done_again(objects: ObjectStore, killed: str) -> None:
    objects.put(ONE, 1, b"hello")
    assert read(objects, ONE, 1, 0, 5) == b"hello"


def test_what_a_killed_put_leaves_is_deleted_with_its_object(
    objects: ObjectStore, folder: FolderPlace, killed: str
) -> None:
    assert (folder.root / killed).exists()
    objects.delete(ONE)
    assert list((folder.root / "ab").iterdir()) == []


def test_an_objects_folder_is_deleted_with_it_unless_something_else_is_in_it(
    objects: ObjectStore, folder: FolderPlace
) -> None:
    objects.put(ONE, 0, b"hello")
    folder.lay(f"{FOLDER}/note.txt", b"keep me")
    objects.delete(ONE)
    assert [it.name for it in (folder.root / FOLDER).iterdir()] == ["note.txt"]
    (folder.root / FOLDER / "note.txt").unlink()
    objects.delete(ONE)
    assert not (folder.root / FOLDER).exists()
    assert (folder.root / "ab").is_dir()  # where another's put may be about to make a folder


def test_only_we_may_enter_the_folder(folder: FolderPlace) -> None:
    before = os.umask(0)
    try:
        objects = ObjectStore.open(folder.url)
        objects.put(ONE, 0, b"hello")
    finally:
        os.umask(before)
    for made in (folder.root, folder.root / "ab", folder.root / FOLDER):
        assert made.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_there_stays_as_its_operator_made_it(folder: FolderPlace) -> None:
    folder.root.mkdir(mode=0o750)
    ObjectStore.open(folder.url)
    assert folder.root.stat().st_mode & 0o777 == 0o750


def test_a_root_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        ObjectStore.open((tmp_path / "file/below").as_uri())


def test_only_the_folder_below_ours_is_made_by_itself(tmp_path: Path) -> None:
    named = tmp_path / "mount/files"
    with pytest.raises(BadSetting, match=r"there is no .*/mount.*: make it, or mount its disk"):
        object_store_of(Settings(file_store_url=named.as_uri()))
    assert list(tmp_path.iterdir()) == []
    named.mkdir(parents=True)
    object_store_of(Settings(file_store_url=named.as_uri())).check()
    object_store_of(Settings(data_dir=tmp_path / "data")).check()
    assert (tmp_path / "data/files").is_dir()


def test_a_root_may_have_any_name(tmp_path: Path) -> None:
    objects = ObjectStore.open((tmp_path / "Akten & Blätter %41 #1?").as_uri())
    objects.put(ONE, 0, b"hello")
    objects.check()
    assert read(objects, ONE, 0, 0, 5) == b"hello"
    assert (tmp_path / "Akten & Blätter %41 #1?" / FOLDER / "00000").exists()


def test_the_root_itself_may_be_a_link(folder: FolderPlace, tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    folder.root.symlink_to(tmp_path / "big disk")
    objects = ObjectStore.open(folder.url)
    objects.check()
    objects.put(ONE, 0, b"hello")
    assert list(objects.parts()) == [StoredPart(ONE, 0, 5)]
    assert (tmp_path / "big disk" / FOLDER / "00000").exists()


# -- links and odd names


@pytest.mark.parametrize("link", ["ab", FOLDER])
def test_a_link_is_not_followed_out_of_the_root(
    objects: ObjectStore, folder: FolderPlace, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    victim = outside / FOLDER.removeprefix(link).strip("/") / "00000"
    victim.parent.mkdir(parents=True)
    victim.write_bytes(b"not ours")
    (folder.root / link).parent.mkdir(exist_ok=True)
    (folder.root / link).symlink_to(outside)
    uses: list[Callable[[], object]] = [
        lambda: objects.put(ONE, 0, b"hello"),
        lambda: objects.put(ONE, 1, b"hello"),
        lambda: objects.delete(ONE),
    ]
    for use in uses:
        with pytest.raises(StoreUnavailable):
            use()
    assert [it.key for it in objects.parts() if isinstance(it, Stray)] == [link]
    assert victim.read_bytes() == b"not ours"
    assert list(victim.parent.iterdir()) == [victim]


def test_no_folder_is_made_behind_a_link(
    objects: ObjectStore, folder: FolderPlace, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder.root / "ab").symlink_to(outside)
    with pytest.raises(StoreUnavailable):
        objects.put(ONE, 0, b"hello")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("deleted", ["ab", str(ONE)])
def test_a_part_is_put_into_its_folder_or_nowhere(
    objects: ObjectStore, folder: FolderPlace, monkeypatch: pytest.MonkeyPatch, deleted: str
) -> None:
    """Its folder is deleted by the reaper as soon as it is made."""
    really = os.mkdir

    def mkdir(path: str | Path, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        really(path, mode, dir_fd=dir_fd)
        if Path(path).name == deleted:
            os.rmdir(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", mkdir)
    with pytest.raises(StoreUnavailable):
        objects.put(ONE, 3, b"hello")
    assert folder.keys() == set()


def test_a_link_in_a_parts_place_is_replaced_or_deleted_and_not_followed(
    objects: ObjectStore, folder: FolderPlace, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"not ours")
    objects.put(ONE, 0, b"hello")
    for part in ("00001", "00002"):
        (folder.root / FOLDER / part).symlink_to(victim)
    objects.put(ONE, 1, b"ours")
    assert read(objects, ONE, 1, 0, 4) == b"ours"
    objects.delete(ONE)
    assert not (folder.root / FOLDER).exists()
    assert victim.read_bytes() == b"not ours"


def test_a_folder_in_a_parts_place_is_missing_and_left(
    objects: ObjectStore, folder: FolderPlace
) -> None:
    folder.lay(f"{FOLDER}/00000/x", b"")
    with pytest.raises(PartMissing):
        read(objects, ONE, 0, 0, 1)
    objects.delete(ONE)
    assert folder.keys() == {f"{FOLDER}/00000/x"}


def test_a_pipe_in_a_parts_place_is_not_waited_for(
    objects: ObjectStore, folder: FolderPlace
) -> None:
    folder.lay(f"{FOLDER}/00001", b"")
    os.mkfifo(folder.root / FOLDER / "00000")
    with pytest.raises(PartMissing):
        read(objects, ONE, 0, 0, 1)


def test_a_name_that_is_no_text_is_listed(objects: ObjectStore, folder: FolderPlace) -> None:
    objects.put(ONE, 0, b"hello")
    Path(os.fsdecode(os.fsencode(folder.root) + b"/ab/\xff")).write_bytes(b"12")
    assert set(objects.parts()) == {StoredPart(ONE, 0, 5), Stray(r"ab/\xff", 2)}


# -- no room


@pytest.fixture(params=["size=3m", "size=30m,nr_inodes=7"], ids=["bytes", "names"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A disk on which a few megabytes or names have room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_refuses_what_has_no_room_and_later_puts_work(small_disk: Path) -> None:
    objects = ObjectStore.open(small_disk.as_uri())
    refused = [part for part in range(6) if not took(objects, part)]
    assert 2 <= refused[0] < 6
    kept = {StoredPart(ONE, part, 1_000_000) for part in range(6) if part not in refused}
    assert set(objects.parts()) == kept
    assert all(read(objects, ONE, it.part, 999_999, 1) == b"\0" for it in kept)
    objects.delete(ONE)
    assert took(objects, 0)
    objects.check()


def test_a_full_disk_does_not_pass_the_check_which_leaves_nothing(small_disk: Path) -> None:
    objects = ObjectStore.open(small_disk.as_uri())
    with suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(10_000))
    with suppress(OSError):
        for number in range(3):
            (small_disk / f"more ballast {number}").touch()
    before = FolderPlace(small_disk).keys()
    with pytest.raises(StorageFull):
        objects.check()
    assert FolderPlace(small_disk).keys() == before
    assert not list(small_disk.glob("*/*/"))


def took(objects: ObjectStore, part: int) -> bool:
    """Whether there was room for a part of a million bytes."""
    try:
        objects.put(ONE, part, bytes(1_000_000))
    except StorageFull:
        return False
    return True


def test_a_disk_that_may_not_be_written_is_unavailable_yet_read(small_disk: Path) -> None:
    objects = ObjectStore.open(small_disk.as_uri())
    objects.put(ONE, 0, b"hello")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for use in (lambda: objects.put(ONE, 1, b"hello"), lambda: objects.delete(ONE), objects.check):
        with pytest.raises(StoreUnavailable):
            use()
    assert read(objects, ONE, 0, 0, 5) == b"hello"
