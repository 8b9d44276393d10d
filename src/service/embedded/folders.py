"""What embedded mode keeps in DATA_DIR beside the stores' own data."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.embedded.errors import DataDirInUse, EmbeddedError


@contextmanager
def held(data_dir: Path) -> Iterator[None]:
    """Holds DATA_DIR for this process, making it first if need be.

    The kernel gives the lock up when the process ends, however it ends, so there is never a
    stale one. A process forked from this one holds it too, for as long as it uses the stores.

    Raises DataDirInUse when another holds it, EmbeddedError when it is no folder, OSError when it
    cannot be made or written.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise EmbeddedError(f"{data_dir}: it, or a part of its path, is not a folder") from None
    lock = os.open(data_dir / "embedded.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode() or "?"
            raise DataDirInUse(f"{data_dir} is in use by process {holder}") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(lock)


def kept_password(file: Path) -> str:
    """Answers the password in the file, made (256 bits) and kept there at the first call.

    Raises OSError.
    """
    try:
        return file.read_text("ascii")
    except FileNotFoundError:
        password = secrets.token_urlsafe(32)
        keep(file, password)
        return password


def keep(file: Path, text: str) -> None:
    """Writes a file that only we may read, whole or not at all, and waits for the disk.

    Raises OSError.
    """
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    new.replace(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Waits until the names in the folder are on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
