"""All SQL of events that leave the table: only what was exported may."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from service.events.models import Due

# The newest event stays, because its position is where everyone is.
_DUE = text("""
SELECT a.exported AS after, max(due.position) AS through, count(due.position) AS count
FROM event_archive a LEFT JOIN LATERAL (
    SELECT position FROM events
    WHERE position > a.exported AND time < :before
        AND position < (SELECT max(position) FROM events)
    ORDER BY position LIMIT :at_once
) due ON true
GROUP BY a.exported
""")
_AGO = text("SELECT clock_timestamp() - CAST(:keep AS interval)")
_EXPORTED = text("UPDATE event_archive SET exported = :through WHERE exported < :through")
_DELETE = text("""
WITH gone AS (
    DELETE FROM events WHERE position = ANY(ARRAY(
        SELECT position FROM events WHERE position <= (SELECT exported FROM event_archive)
        ORDER BY position LIMIT :at_once
    )) RETURNING position
), told AS (
    UPDATE event_archive SET deleted = (SELECT max(position) FROM gone)
    WHERE EXISTS (SELECT FROM gone)
)
SELECT count(*) FROM gone
""")


class ArchiveRepository:
    """How far events were exported and deleted."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def ago(self, keep: timedelta) -> datetime:
        """The time that was so long ago."""
        time: datetime = self._run(_AGO, {"keep": keep}).scalar_one()
        return time

    def find_due(self, before: datetime, at_once: int) -> Due | None:
        """The oldest events that were not exported, if they are from before a time."""
        due = Due(*self._run(_DUE, {"before": before, "at_once": at_once}).one())
        return due if due.count else None

    def set_exported(self, through: int) -> None:
        """Events up to there are kept elsewhere now."""
        self._run(_EXPORTED, {"through": through})

    def delete_exported(self, at_once: int) -> int:
        """Deletes the oldest of those that were exported; answers how many."""
        return int(self._run(_DELETE, {"at_once": at_once}).scalar_one())
