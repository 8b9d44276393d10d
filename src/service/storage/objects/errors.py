"""What can be wrong with the object store, and how that is told from others' errors."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError

from service.kernel.errors import StorageFull, Unavailable
from service.kernel.reasons import ErrorReason

# obstore has kinds of errors for neither of these, so they are read from its text, which ends with
# the server's answer: those of Ceph, and of MinIO when its disks or a bucket's quota are full.
_FULL = re.compile(
    r"status code: 507|<Code>(QuotaExceeded|XMinioStorageFull|XMinioAdminBucketQuotaExceeded)<"
)
_NOT_SO_LONG = re.compile(r"\bInvalidRange\b|status code: 416")


class StoreUnavailable(Unavailable):
    """The file store is away, or does not let us in."""

    reason = ErrorReason.FILE_STORE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("The file store is not available; try again.")


class PartMissing(Exception):
    """A part of an object is not in the store, or ends before what was asked for."""


class StrangeKey(Exception):
    """A key lies in the store that obstore lists nothing beside, such as `a//b`."""


@contextmanager
def told() -> Iterator[None]:
    """Raises what the store fails with as one of ours, with its own error behind it for the log."""
    try:
        yield
    except (BaseError, OSError) as error:
        if is_full(error):
            raise StorageFull from error
        raise StoreUnavailable from error


def is_full(error: Exception) -> bool:
    """Whether there is no room left."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return bool(_FULL.search(str(error)))


def is_too_short(error: Exception) -> bool:
    """Whether what was asked for begins after the end of the part."""
    return bool(_NOT_SO_LONG.search(str(error)))


def first_line(error: BaseError) -> str:
    """What obstore says of an error, without the long account that follows."""
    return str(error).partition("\n")[0]
