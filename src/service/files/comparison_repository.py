"""All SQL of comparing what the rows say with what lies in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from service.files.models import Miscount, Overdue

_OBJECTS = """
    SELECT o.id, o.state, o.size, o.sealed_key IS NOT NULL AS sealed, f.name
    FROM file_objects o LEFT JOIN files f ON f.object = o.id
"""
# The shard of an object is the last byte of its id.
_IN_SHARDS = text(f"""
{_OBJECTS}
WHERE get_byte(uuid_send(o.id), 15) BETWEEN :first AND :last
    AND (CAST(:after AS uuid) IS NULL OR o.id > :after)
ORDER BY o.id LIMIT :limit
""")
_OF_IDS = text(f"{_OBJECTS} WHERE o.id = ANY(:ids)")
# The reaper gives uploads up after ten minutes and deletes after five, and comes every minute.
_OVERDUE = text("""
SELECT state, count(*) AS objects, sum(size)::bigint AS size, min(time) AS since
FROM file_objects
WHERE state <> 'STORED' AND time < clock_timestamp() - interval '20 minutes'
GROUP BY state ORDER BY state
""")
# In one statement: who uploads meanwhile changes both sums at once.
_USAGE = text("""
SELECT coalesce(u.owner, o.owner) AS owner, coalesce(u.bytes, 0) AS counted,
    coalesce(o.bytes, 0) AS kept
FROM file_usage u FULL JOIN (
    SELECT owner, sum(size)::bigint AS bytes FROM file_objects WHERE state <> 'DELETED'
    GROUP BY owner
) o ON o.owner = u.owner
WHERE coalesce(u.bytes, 0) <> coalesce(o.bytes, 0)
ORDER BY 1
""")


@dataclass(frozen=True, slots=True)
class Row:
    """An object as its row tells of it, and the file that it is the content of, if any."""

    id: UUID
    state: str
    size: int
    sealed: bool
    name: str | None


class ComparisonRepository:
    """What is compared, each by a statement that stands alone."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def in_shards(self, first: int, last: int, after: UUID | None, limit: int) -> list[Row]:
        """Up to `limit` objects of these shards, by id, after this one."""
        parameters = {"first": first, "last": last, "after": after, "limit": limit}
        return [Row(*row) for row in self._run(_IN_SHARDS, parameters)]

    def of_ids(self, ids: Sequence[UUID]) -> list[Row]:
        """Those of these that there are."""
        return [Row(*row) for row in self._run(_OF_IDS, {"ids": list(ids)})]

    def overdue(self) -> list[Overdue]:
        """What a worker should have settled some time ago."""
        return [Overdue(*row) for row in self._run(_OVERDUE)]

    def miscounts(self) -> list[Miscount]:
        """The owners whose sum is not that of their objects."""
        return [Miscount(*row) for row in self._run(_USAGE)]
