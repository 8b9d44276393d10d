"""Events that are old enough to leave the table, in the order in which they do."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from service.events.archive_repository import ArchiveRepository
from service.events.models import Due, EventFilter, EventsArchived, RecordedEvent
from service.events.repository import EventRepository
from service.kernel.call import Call
from service.storage.database import Database

_PAGE = 1000
_AT_ONCE = 5_000
_CALL = Call.internal("archive")


class EventArchive:
    """What was exported may be deleted, and nothing else; the database sees to that as well."""

    def __init__(self, database: Database, keep: timedelta) -> None:
        self._db = database
        self._keep = keep

    def old(self) -> datetime:
        """Events from before this time are to be exported."""
        with self._db.reading() as connection:
            return ArchiveRepository(connection).ago(self._keep)

    def find_due(self, before: datetime, at_once: int) -> Due | None:
        """The next events to be exported, at most so many, if any are from before the time."""
        with self._db.reading() as connection:
            return ArchiveRepository(connection).find_due(before, at_once)

    def read(self, due: Due) -> Iterator[RecordedEvent]:
        """These events, in their order, read a page at a time."""
        after = due.after
        while True:
            with self._db.reading() as connection:
                events = EventRepository(connection, self._db.history)
                page = events.after(after, EventFilter(), _PAGE, through=due.through)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].position

    def note_exported(self, due: Due, file: str) -> None:
        """The events are in the file, to stay."""
        with self._db.transaction(_CALL) as tx:
            ArchiveRepository(tx.connection).set_exported(due.through)
            tx.record(EventsArchived(file, {"events": due.count}))
            tx.commit(None)

    def delete(self) -> int:
        """Deletes what was exported, a little at a time; answers how many events."""
        deleted = 0
        while True:
            with self._db.transaction(_CALL) as tx:
                few = ArchiveRepository(tx.connection).delete_exported(_AT_ONCE)
                tx.commit(None)
            deleted += few
            if few < _AT_ONCE:
                return deleted
