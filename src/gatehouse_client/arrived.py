"""What has arrived of a file: in a stream, or beside its target until it is whole."""

import errno
import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gatehouse.files.v1.file_pb2 import File

_READ = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class NotWhole(Exception):
    """What arrived is not the content of the file. The message says why, and names the file."""


class CutShort(NotWhole):
    """The stream ended before the content did."""


class Replaced(NotWhole):
    """What had arrived before is not a part of what the file is now."""


class Damaged(NotWhole):
    """The content is not what the server says that it is."""


class Arrived:
    """What has arrived of a file's content, in an open binary file that is only written to."""

    def __init__(self, into: BinaryIO) -> None:
        self.begun = False
        self.resumed = False
        self.size = 0
        self._into = into
        self._sum = hashlib.sha256()
        self._whole = ""

    def begin(self, file: File) -> None:
        """Hears what the rest is the rest of. Raises Replaced, OSError."""
        if self.size and file.sha256 != self._whole:
            raise Replaced(f"{file.name} was replaced while it was downloaded")
        self._whole = file.sha256
        self.begun = True

    def take(self, chunk: bytes) -> None:
        """Keeps the next bytes. Raises OSError."""
        while chunk:
            written = self._into.write(chunk)  # of a raw file or pipe, perhaps not all
            if written is None:
                raise BlockingIOError(errno.EAGAIN, "what it is written to takes no more by now")
            self._sum.update(chunk[:written])
            self.size += written
            chunk = chunk[written:]

    def verify(self, file: File, sha256: str) -> None:
        """Raises Damaged unless all has arrived as it was sent; Replaced if it began otherwise."""
        arrived = self._sum.hexdigest()
        if self.size == file.size and arrived == sha256 == file.sha256:
            return
        if self.resumed:
            raise Replaced(f"what was kept of {file.name} is no part of it")
        raise Damaged(
            f"{file.name} arrived damaged: {self.size} bytes with the SHA-256 {arrived},"
            f" not {file.size} with {sha256}"
        )

    def start_over(self, why: Exception) -> None:
        """Forgets what has arrived. Raises `why` when that was handed on already."""
        if self.size:
            raise why


class Part(Arrived):
    """What has arrived so far stands beside its target, from one run to the next.

    It is called `.{target}.gatehouse-part`; in `.{target}.gatehouse-part.sha256` stands the SHA-256
    of the content that it is a part of. What has such a name and is not that stays as it is.
    """

    def __init__(self, target: Path, path: Path, file: BinaryIO) -> None:
        super().__init__(file)
        self._file = file
        self._path = path
        self._target = target
        self._version = path.with_name(f"{path.name}.sha256")
        self._ours = False

    def find(self) -> None:
        """Takes what an earlier run left. Raises FileExistsError for anything else, OSError."""
        whole = _read(self._version)
        if whole and not _SHA256.fullmatch(whole):
            raise _of_no_download(self._version)
        if not whole and os.fstat(self._file.fileno()).st_size:
            raise _of_no_download(self._path)
        self._ours = True
        self._whole = whole
        while whole and (chunk := self._file.read(_READ)):  # the sum of all tells in the end
            self._sum.update(chunk)
            self.size += len(chunk)
        self.resumed = self.size > 0

    def begin(self, file: File) -> None:
        """The same, and remembers it for the next run."""
        super().begin(file)
        if not self.size:
            self._version.unlink(missing_ok=True)
            with self._version.open("x", encoding="ascii") as version:  # not through a link
                version.write(self._whole)

    def start_over(self, why: Exception) -> None:
        """Forgets what has arrived."""
        self._file.seek(0)
        self._file.truncate()
        self._sum = hashlib.sha256()
        self.resumed = False
        self.size = 0

    def finish(self) -> None:
        """Puts the whole content in the target's place, kept safely. Raises OSError."""
        self._file.flush()
        os.fsync(self._file.fileno())
        if not _is_at(self._path, self._file):
            raise FileNotFoundError(errno.ENOENT, "it was taken away", str(self._path))
        self._path.replace(self._target)
        self._version.unlink(missing_ok=True)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def leave(self) -> None:
        """Leaves nothing behind that a next run could not use."""
        empty = not self.size and not os.fstat(self._file.fileno()).st_size
        if empty and _is_at(self._path, self._file):
            if self._ours:
                self._version.unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)


def part_of(target: Path) -> Path:
    """Where a download keeps what has arrived until all has."""
    return target.with_name(f".{target.name}.gatehouse-part")


@contextmanager
def opened_part(target: Path) -> Iterator[Part]:
    """The part of a target, found or made, for one process at a time. Raises OSError."""
    path = part_of(target)
    with _locked(path) as file:
        part = Part(target, path, file)
        try:
            part.find()
            yield part
        except Damaged as damaged:
            part.start_over(damaged)
            raise
        finally:
            part.leave()


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    while True:
        with os.fdopen(_open(path, os.O_RDWR | os.O_CREAT), "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                said = "another download is writing to it"
                raise BlockingIOError(errno.EWOULDBLOCK, said, str(path)) from None
            if _is_at(path, file):
                yield file
                return


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Whether it is still the file: another process may have put it in its target's place."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _read(path: Path) -> str:
    """The text of a file, empty where there is none. Raises FileExistsError, OSError."""
    try:
        descriptor = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        return file.read(_READ)


def _open(path: Path, how: int) -> int:
    """An ordinary file, with the mode that new files have here; nobody's link leads it elsewhere.

    Raises FileExistsError where it is none, OSError.
    """
    descriptor = os.open(path, how | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _of_no_download(path)
    return descriptor


def _of_no_download(path: Path) -> FileExistsError:
    said = "it is not what a download has left: move it away"
    return FileExistsError(None, said, str(path))
