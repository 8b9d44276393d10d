"""Revisions and cursors: places in one history of one database, opaque to clients."""

import base64
import struct
from dataclasses import dataclass

from service.kernel.errors import InvalidArgument, PreconditionFailed
from service.kernel.reasons import ErrorReason

_LAYOUT = struct.Struct(">QIIQ")


class ForeignRevision(PreconditionFailed):
    """The place lies in another history: of a restored backup, or of a replica that lagged."""

    reason = ErrorReason.FOREIGN_REVISION


class HistoryChanged(ForeignRevision):
    """The database went back in time; a watcher must start over."""

    def __init__(self) -> None:
        super().__init__("The database was restored or failed over; start without a cursor.")


class InvalidCursor(InvalidArgument):
    """The text was never given out as a revision or cursor."""

    reason = ErrorReason.INVALID_CURSOR


@dataclass(frozen=True, slots=True)
class History:
    """Which history positions count in.

    PostgreSQL's system identifier, its timeline, which a promotion or recovery begins anew, and the
    database's oid, which a restored dump or copy does not share.
    """

    system: int
    timeline: int
    database: int

    def revision(self, position: int) -> str:
        """The position as clients see it."""
        packed = _LAYOUT.pack(self.system, self.timeline, self.database, position)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    def position(self, revision: str, *, field: str = "cursor") -> int:
        """The position in a revision. Raises InvalidCursor, ForeignRevision."""
        try:
            packed = base64.urlsafe_b64decode(revision + "=" * (-len(revision) % 4))
            *history, position = _LAYOUT.unpack(packed)
        except (ValueError, struct.error):
            raise InvalidCursor.field(field, "must be one that this service gave out") from None
        if history != [self.system, self.timeline, self.database]:
            raise ForeignRevision(
                f"{field} comes from another history of the database; start without one."
            )
        return int(position)
