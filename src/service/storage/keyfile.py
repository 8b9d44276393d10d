"""The embedded mode's encryption key: made at the first start and kept beside the data."""

import base64
import os
from pathlib import Path

from service.kernel.crypto import KEY_BYTES, KeyRing


def kept_ring(path: Path) -> KeyRing:
    """The ring in the file, mode 0600, which is made when it is missing.

    Raises ValueError when the file holds no keys.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return KeyRing.parse(path.read_text().strip())
    with os.fdopen(descriptor, "w") as file:
        key = base64.b64encode(os.urandom(KEY_BYTES)).decode()
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    return KeyRing.parse(key)
