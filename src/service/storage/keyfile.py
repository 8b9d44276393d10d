"""The embedded mode's encryption key: made at the first start and kept beside the data."""

import base64
import os
from pathlib import Path

from service.kernel.crypto import KEY_BYTES, KeyRing


def kept_ring(path: Path) -> KeyRing:
    """The ring in the file, mode 0600, which is made when it is missing.

    Raises ValueError when the file holds no keys.
    """
    if not path.exists():
        _make(path)
    return KeyRing.parse(path.read_text().strip())


def _make(path: Path) -> None:
    """Under another name first, so that a kill leaves a whole file or none; never over a file."""
    key = base64.b64encode(os.urandom(KEY_BYTES)).decode()
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(new, path)
    except FileExistsError:
        pass  # another process was first, and its key is the one
    finally:
        new.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
