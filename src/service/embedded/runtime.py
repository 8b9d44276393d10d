"""The short folder for sockets, outside DATA_DIR."""

import fcntl
import os
import shutil
import string
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.embedded.errors import EmbeddedError
from service.embedded.folders import keep

_PREFIX = "gatehouse-"
_LONGEST = len("/gatehouse-12345678/postgres/.s.PGSQL.5432")

# The address of a unix socket holds 104 bytes on macOS and 108 on Linux, its closing zero included.
_SOCKET_PATH_LIMIT = 103

# A comma would separate two folders for PostgreSQL; all others need quoting somewhere.
_PLAIN = frozenset(string.ascii_letters + string.digits + "/._-+")


@contextmanager
def runtime_folder(record: Path) -> Iterator[Path]:
    """Makes a folder for this run under the machine's temporary folder and removes it at the end.

    DATA_DIR may lie too deep for a socket's path, under a folder the stores' account may not
    enter, or on a disk without sockets. The name is random, so that nobody can be there first,
    and kept in `record`, so that the next run finds what a killed one left and removes it.

    Raises EmbeddedError when no place is fit, OSError.
    """
    _remove_left(record)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_place()))
    if os.geteuid() == 0:
        # The stores' account passes through to its own folders in it, and sees no more.
        folder.chmod(0o711)
    # systemd-tmpfiles leaves a locked folder alone; so do we, should DATA_DIR have been copied.
    lock = _locked(folder)
    try:
        keep(record, str(folder))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        record.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def _remove_left(record: Path) -> None:
    try:
        folder = Path(record.read_text("utf-8", "surrogateescape"))
        facts = folder.lstat()
    except FileNotFoundError:
        return
    if not folder.name.startswith(_PREFIX) or facts.st_uid != os.geteuid() or folder.is_symlink():
        return
    lock = _locked(folder)
    if lock is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path) -> int | None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _place() -> Path:
    for place in map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108
        if _fits(place):
            return place
    raise EmbeddedError(
        "no temporary folder is fit for sockets; set TMPDIR to a short writable one"
    )


def _fits(place: Path) -> bool:
    if not os.access(place, os.W_OK | os.X_OK) or not _PLAIN.issuperset(str(place)):
        return False
    if len(str(place)) + _LONGEST > _SOCKET_PATH_LIMIT:
        return False
    if os.geteuid() != 0:
        return True
    # Root hands it to an unprivileged account, and may have to put programs there.
    everyone_enters = all(p.stat().st_mode & 0o001 for p in (place, *place.resolve().parents))
    return everyone_enters and not _forbids_programs(place)


def _forbids_programs(place: Path) -> bool:
    return sys.platform == "linux" and bool(os.statvfs(place).f_flag & os.ST_NOEXEC)
