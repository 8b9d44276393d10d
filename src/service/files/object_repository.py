"""All SQL of what files' contents are made of, and of who keeps how much.

An owner's bytes are those of the objects that are being written or stored; each statement here that
changes which these are changes the sum in the same transaction.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from service.files.errors import QuotaExceeded, UploadGivenUp
from service.files.models import Content

_BEGIN = text(
    "INSERT INTO file_objects (id, owner, state, size, sealed_key)"
    " VALUES (:id, :owner, 'WRITING', :size, :sealed_key)"
)
_RESIZE = text("""
UPDATE file_objects o SET size = :size, time = clock_timestamp()
FROM (SELECT id, size FROM file_objects WHERE id = :id AND state = 'WRITING' FOR UPDATE) before
WHERE o.id = before.id RETURNING :size - before.size AS more
""")
_STORE = text(
    "UPDATE file_objects SET state = 'STORED', sha256 = :sha256, time = clock_timestamp()"
    " WHERE id = :id AND state = 'WRITING'"
)
_DISCARD = text(
    "UPDATE file_objects SET state = 'DELETED', time = clock_timestamp()"
    " WHERE id = :id AND state = :state RETURNING owner, size"
)
_DISCARD_STALE = text("""
UPDATE file_objects SET state = 'DELETED', time = clock_timestamp()
WHERE state = 'WRITING' AND time < clock_timestamp() - interval '10 minutes' RETURNING owner, size
""")
_CHARGE = text("""
INSERT INTO file_usage AS u (owner, bytes) VALUES (:owner, :bytes)
ON CONFLICT (owner) DO UPDATE SET bytes = u.bytes + excluded.bytes RETURNING bytes
""")
_IS_STORED = text("SELECT FROM file_objects WHERE id = :id AND state = 'STORED'")
# Only what never was whole has no sum: nobody can be reading it.
_DUE = text("""
SELECT time, id, EXISTS (SELECT FROM files WHERE object = o.id) AS has_file
FROM file_objects o
WHERE state = 'DELETED' AND (time, id) > (:time, :id)
    AND (sha256 IS NULL OR time < clock_timestamp() - interval '5 minutes')
ORDER BY time, id LIMIT :limit
""")
_FORGET = text("""
DELETE FROM file_objects o WHERE id = ANY(:ids) AND state = 'DELETED'
    AND NOT EXISTS (SELECT FROM files WHERE object = o.id)
""")


class Due(NamedTuple):
    """An object that is to be deleted from the store, since when, and whether a file refers to it.

    None should; while one does, it stays.
    """

    time: datetime
    id: UUID
    has_file: bool


_FIRST = Due(datetime.min.replace(tzinfo=UTC), UUID(int=0), has_file=False)


class ObjectRepository:
    """Objects in one transaction."""

    def __init__(self, connection: Connection, quota: int | None = None) -> None:
        """`quota`: how many bytes an owner may keep, None for as many as they like."""
        self._run = connection.execute
        self._quota = quota

    def begin(self, object_id: UUID, owner: str, size: int, sealed_key: bytes | None) -> None:
        """An object that is about to be written, of this size for now. Raises QuotaExceeded."""
        row = {"id": object_id, "owner": owner, "size": size, "sealed_key": sealed_key}
        self._run(_BEGIN, row)
        self._charge(owner, size)

    def resize(self, object_id: UUID, owner: str, size: int) -> None:
        """It is still being written, to this size. Raises UploadGivenUp, QuotaExceeded."""
        self._charge(owner, self._grow(object_id, size))

    def store(self, content: Content, *, instead_of: Content | None = None) -> None:
        """It is whole, and `instead_of` is no file's content any more.

        Raises UploadGivenUp, QuotaExceeded.
        """
        more = self._grow(content.object_id, content.size)
        self._run(_STORE, {"id": content.object_id, "sha256": bytes.fromhex(content.sha256)})
        charges = Counter({content.owner: more})
        if instead_of is not None:
            charges.subtract(self._drop(instead_of.object_id, "STORED"))
        self._charge_all(charges)

    def discard(self, content: Content) -> None:
        """It is no file's content any more."""
        self._discard(content.object_id, "STORED")

    def give_up(self, object_id: UUID) -> None:
        """It will not be written to its end, unless it has been."""
        self._discard(object_id, "WRITING")

    def give_up_stale(self) -> None:
        """Gives up those of which nothing was seen for ten minutes."""
        charges: Counter[str] = Counter()
        for owner, size in self._run(_DISCARD_STALE):
            charges[owner] -= size
        self._charge_all(charges)

    def is_stored(self, object_id: UUID) -> bool:
        """Whether it is some file's content."""
        return self._run(_IS_STORED, {"id": object_id}).one_or_none() is not None

    def due(self, after: Due | None, limit: int) -> list[Due]:
        """Those to be deleted from the store, the oldest first.

        What was some file's content is due after five minutes, for downloads that had begun to end.
        """
        at = after or _FIRST
        rows = self._run(_DUE, {"time": at.time, "id": at.id, "limit": limit})
        return [Due(*row) for row in rows]

    def forget(self, object_ids: Sequence[UUID]) -> None:
        """They are gone from the store."""
        self._run(_FORGET, {"ids": list(object_ids)})

    def _discard(self, object_id: UUID, state: str) -> None:
        for owner, size in self._drop(object_id, state).items():
            self._charge(owner, -size)

    def _drop(self, object_id: UUID, state: str) -> dict[str, int]:
        """Marks it as deleted, if it is in this state; answers who had how much of it."""
        found = self._run(_DISCARD, {"id": object_id, "state": state}).one_or_none()
        return {} if found is None else {found.owner: found.size}

    def _grow(self, object_id: UUID, size: int) -> int:
        """Answers by how much. Raises UploadGivenUp."""
        more = self._run(_RESIZE, {"id": object_id, "size": size}).scalar_one_or_none()
        if more is None:
            raise UploadGivenUp
        return int(more)

    def _charge_all(self, charges: Counter[str]) -> None:
        """In order, or two who replace each other's files would wait for each other."""
        for owner in sorted(charges):
            self._charge(owner, charges[owner])

    def _charge(self, owner: str, size: int) -> None:
        kept = self._run(_CHARGE, {"owner": owner, "bytes": size}).scalar_one()
        if self._quota is not None and size > 0 and kept > self._quota:
            raise QuotaExceeded(self._quota)
