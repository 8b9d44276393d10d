"""As whom the stores run.

PostgreSQL refuses to run as root, and Valkey should not either. So under root both run as an
unprivileged account, which raises the question of how that account reaches DATA_DIR when it lies
under a folder that only root may enter (`/root/app`, mode 0700), without touching any mode or
owner that was there before us. The answer: the store's own folder is entered by root and *kept as
the working directory* across the change of user, and the store is told that its data are in
`/proc/self/cwd`. The kernel follows that link to the folder itself, not through its parents.
"""

import os
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path

from service.embedded.errors import EmbeddedError

# What a store is told about where its data are; see above. Elsewhere than on Linux the stores
# resolve "." to a full path, which works wherever the account may enter.
HERE = "/proc/self/cwd" if sys.platform == "linux" else "."


@dataclass(frozen=True)
class Account:
    """An unprivileged user that root becomes before it starts a store."""

    uid: int
    gid: int


def account_for(folder: Path) -> Account | None:
    """Answers as whom the store of `folder` runs; None means as we do ourselves.

    Under root an existing folder decides, so that data made by one user keep working for that
    user; new data belong to `nobody`, the only unprivileged account that every machine has.

    Raises EmbeddedError when the folder belongs to root.
    """
    if os.geteuid() != 0:
        return None
    try:
        owner = folder.stat()
    except FileNotFoundError:
        nobody = pwd.getpwnam("nobody")
        return Account(nobody.pw_uid, nobody.pw_gid)
    if owner.st_uid == 0:
        raise EmbeddedError(f"{folder} belongs to root, as whom no store runs: give it to a user")
    return Account(owner.st_uid, owner.st_gid)


def make_private_folder(folder: Path, account: Account | None) -> None:
    """Makes a folder that only the account may enter. Raises OSError, also when it exists."""
    folder.mkdir(mode=0o700)
    give(folder, account)


def give(path: Path, account: Account | None) -> None:
    """Hands to the account what we have just made ourselves. Raises OSError."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
