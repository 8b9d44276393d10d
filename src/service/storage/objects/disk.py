"""A folder on a local disk, which only we may enter.

Links in it are never followed to write or delete, so nothing outside is touched.
"""

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

# A part is put under such another name first; a put that was killed leaves it there.
_OURS = re.compile(r"[0-9]{5}(#[0-9]+)?")
_DEPTH = 3  # the root, the shard and the object's own
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_PART = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # what is a pipe would be waited for
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_DIRECT = getattr(os, "O_DIRECT", 0)  # Linux alone has it
# What opening and reading say of what is no part: nothing, a folder, a link, a pipe.
_NO_PART = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ESPIPE}
_BLOCK = 4096
_NUMBERS = count(1)


class Disk:
    """Parts as files. A put's content is on the disk when it returns, its name after `settle`."""

    def __init__(self, root: Path, *, make: bool) -> None:
        """`make`: whether to make the root. Raises OSError unless it is there then."""
        if make:
            new = [it for it in (root, *root.parents) if not it.exists()]
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in new:
                _sync_path(folder.parent)
        self._root = root.resolve(strict=True)  # it may be a link, unlike anything in it

    def put(self, folder: str, name: str, content: bytes | bytearray | memoryview) -> None:
        """Writes it under another name, waits for the disk, and renames it.

        Memory that begins on a page is what it takes best, here and to read into.
        """
        with self._opened(folder, make=True) as opened:
            inner, staged = opened[-1], f"{name}#{next(_NUMBERS)}"
            file = os.open(staged, _NEW, 0o600, dir_fd=inner)
            try:
                _write(file, memoryview(content).cast("B"))
                os.fsync(file)
                os.rename(staged, name, src_dir_fd=inner, dst_dir_fd=inner)
            except BaseException:
                os.unlink(staged, dir_fd=inner)
                raise
            finally:
                os.close(file)

    def settle(self, folder: str) -> None:
        """Waits until the names of the parts and of the folders above them are on the disk."""
        with self._opened(folder) as opened:
            for it in reversed(opened):
                os.fsync(it)

    def read(self, folder: str, name: str, start: int, into: memoryview) -> int:
        """Reads from `start` on until `into` is full or the part ends; answers how many bytes."""
        with self._opened(folder) as opened:
            if len(opened) < _DEPTH:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            file = os.open(name, _PART, dir_fd=opened[-1])
            try:
                return _read(file, start, into)
            finally:
                os.close(file)

    def lacks(self, error: Exception) -> bool:
        """Whether the error says that there is no such file; the whole disk may be away, too."""
        return getattr(error, "errno", 0) in _NO_PART and self._root.is_dir()

    def delete(self, folder: str) -> None:
        """Deletes the parts there, and the folder unless something else is in it, for good."""
        with self._opened(folder) as opened:
            if len(opened) < _DEPTH:
                return
            *_, shard, inner = opened
            for name in [it.name for it in os.scandir(inner) if _OURS.fullmatch(it.name)]:
                with suppress(FileNotFoundError, IsADirectoryError):
                    os.unlink(name, dir_fd=inner)
            try:
                os.rmdir(Path(folder).name, dir_fd=shard)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.ENOENT}:
                    raise
            os.fsync(inner)
            os.fsync(shard)

    def entries(self, folder: str) -> Iterator[tuple[str, int]]:
        """Every path below this folder that is none itself, and its size; folders come in order.

        It may change meanwhile.
        """
        start = self._root / folder
        folders = [] if start.is_symlink() else [start]
        while folders:
            try:
                inside = sorted(os.scandir(folders.pop()), key=lambda it: it.name, reverse=True)
            except (FileNotFoundError, NotADirectoryError):
                if not self._root.is_dir():
                    raise
                continue  # deleted meanwhile
            for entry in inside:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry))
                else:
                    with suppress(FileNotFoundError):
                        yield self._key(entry), entry.stat(follow_symlinks=False).st_size

    def _key(self, entry: os.DirEntry[str]) -> str:
        path = os.fsencode(Path(entry).relative_to(self._root))
        return path.decode(errors="backslashreplace")  # names on a disk need not be text

    @contextmanager
    def _opened(self, folder: str, *, make: bool = False) -> Iterator[list[int]]:
        """Descriptors of the root and of the folders down to this one.

        Those that are not there are made, or else it is as many as there are. Each is made and
        opened in the one above it, so no link is followed, whoever puts one there meanwhile.
        """
        with ExitStack() as stack:
            opened = [os.open(self._root, _FOLDER)]
            stack.callback(os.close, opened[0])
            for name in Path(folder).parts:
                try:
                    opened.append(_open_in(opened[-1], name, make=make))
                except FileNotFoundError:
                    if make:  # deleted as soon as it was made: its object was given up
                        raise
                    break
                stack.callback(os.close, opened[-1])
            yield opened


@contextmanager
def _past_the_cache(file: int) -> Iterator[None]:
    """While in here the file is written past the page cache, if its file system can.

    What is uploaded would push out of the cache what PostgreSQL reads there; and filling it costs
    the kernel ten times as much as writing does, where memory has to be had from a host first.
    """
    flags = fcntl.fcntl(file, fcntl.F_GETFL)
    try:
        fcntl.fcntl(file, fcntl.F_SETFL, flags | _DIRECT)
        yield
    except OSError as error:
        if error.errno != errno.EINVAL:  # which says: not this way, or not from this memory
            raise
    finally:
        fcntl.fcntl(file, fcntl.F_SETFL, flags)


def _write(file: int, content: memoryview) -> None:
    written, whole = 0, len(content) // _BLOCK * _BLOCK
    with _past_the_cache(file):
        while written < whole:
            written += os.write(file, content[written:whole])
    while written < len(content):
        written += os.write(file, content[written:])


def _read(file: int, start: int, into: memoryview) -> int:
    read = 0
    while read < len(into) and (more := os.preadv(file, [into[read:]], start + read)):
        read += more
    return read


def _open_in(above: int, name: str, *, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=above)
    return os.open(name, _FOLDER, dir_fd=above)


def _sync_path(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
