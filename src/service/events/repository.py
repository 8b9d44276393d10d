"""All SQL of the events, but for their writing: that is every transaction's own."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from service.events.errors import EventNotFound
from service.events.models import EventFilter, RecordedEvent
from service.kernel import names
from service.storage.revision import History

_COLUMNS = "position, id, type, subject, actor, time, request_id, peer, data"
_GET = text(f"SELECT {_COLUMNS} FROM events WHERE id = :id")
_ENDS = text(
    "SELECT greatest((SELECT max(position) FROM events), (SELECT max(position) FROM changes), 0)"
    " AS newest, deleted FROM event_archive"
)
# From one type to the next by the index: there are few types, and very many events of each.
_TYPES = """
WITH RECURSIVE types (type) AS (
    (SELECT type FROM events WHERE type >= :type_prefix ORDER BY type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.type FROM events e WHERE e.type > types.type ORDER BY e.type LIMIT 1)
    FROM types WHERE starts_with(types.type, :type_prefix)
)
"""
# The first event that is not before a time; times and positions are one order.
_FIRST_AT = "(SELECT position FROM events WHERE time >= :{} ORDER BY time, position LIMIT 1)"
_NEVER = 2**63 - 1


class EventRepository:
    """Events as one statement each sees them: a prefix of their order."""

    def __init__(self, connection: Connection, history: History) -> None:
        self._run = connection.execute
        self._history = history

    def get(self, event_id: UUID) -> RecordedEvent:
        """Raises EventNotFound."""
        row = self._run(_GET, {"id": event_id}).one_or_none()
        if row is None:
            raise EventNotFound(names.event(event_id))
        return self._event(row)

    def ends(self) -> tuple[int, int]:
        """The position of the newest event or change, and up to which events were deleted."""
        newest, deleted = self._run(_ENDS).one()
        return newest, deleted

    def before(self, position: int | None, which: EventFilter, limit: int) -> list[RecordedEvent]:
        """Up to `limit` events before a position, or all there are: newest first."""
        bounds = {} if position is None else {"position < :before": position}
        return self._page(bounds, which, "DESC", "NULLS LAST", limit)

    def after(
        self, position: int, which: EventFilter, limit: int, *, through: int = _NEVER
    ) -> list[RecordedEvent]:
        """Up to `limit` events after a position and through another: oldest first."""
        bounds = {"position > :after": position, "position <= :through": through}
        return self._page(bounds, which, "ASC", "NULLS FIRST", limit)

    def _page(
        self, bounds: dict[str, int], which: EventFilter, direction: str, nulls: str, limit: int
    ) -> list[RecordedEvent]:
        given: dict[str, Any] = {
            bound.rpartition(":")[2]: position for bound, position in bounds.items()
        }
        conditions = list(bounds)
        if which.start is not None:
            conditions.append(f"position >= coalesce({_FIRST_AT.format('start')}, {_NEVER})")
            given["start"] = which.start
        if which.end is not None:
            conditions.append(f"position < coalesce({_FIRST_AT.format('end')}, {_NEVER})")
            given["end"] = which.end
        for column in ("subject", "actor"):
            if value := getattr(which, column):
                conditions.append(f"{column} = :{column}")
                given[column] = value
        order = f"ORDER BY position {direction} LIMIT :limit"
        if which.type_prefix or which.subject or which.actor:
            # Each index has the type before the position, so each type has its own little page,
            # in an order that only these indexes have.
            conditions.append("type = types.type")
            page = (
                f"SELECT {_COLUMNS} FROM events WHERE {' AND '.join(conditions)}"
                f" ORDER BY position {direction} {nulls} LIMIT :limit"
            )
            given["type_prefix"] = which.type_prefix
            query = (
                f"{_TYPES} SELECT page.* FROM types CROSS JOIN LATERAL ({page}) page"
                f" WHERE starts_with(types.type, :type_prefix) {order}"
            )
        else:
            where = " AND ".join(conditions) or "true"
            query = f"SELECT {_COLUMNS} FROM events WHERE {where} {order}"
        return [self._event(row) for row in self._run(text(query), given | {"limit": limit})]

    def _event(self, row: Any) -> RecordedEvent:
        return RecordedEvent(
            position=row.position,
            revision=self._history.revision(row.position),
            id=row.id,
            type=row.type,
            subject=row.subject,
            actor=row.actor,
            time=row.time,
            request_id=row.request_id,
            peer_address=row.peer,
            data=row.data,
        )
