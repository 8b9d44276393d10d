"""What one can ask about events."""

from collections.abc import Sequence
from uuid import UUID

from service.events.models import EventFilter, RecordedEvent
from service.events.repository import EventRepository
from service.kernel.pages import weight
from service.storage.database import Database, Tx
from service.storage.pages import Page, Pager, PageRequest

_GROWTH = 4  # a short number in a list has four times as many bytes there as in its text


class EventService:
    """The audit trail, as it is read."""

    def __init__(self, database: Database, pager: Pager) -> None:
        self._db = database
        self._pager = pager

    def list(self, which: EventFilter, request: PageRequest) -> Page[RecordedEvent]:
        """A page of events, newest first. Raises InvalidPageToken."""

        def read(after: Sequence[str] | None, limit: int) -> list[RecordedEvent]:
            with self._db.reading() as connection:
                return EventRepository(connection, self._db.history).before(
                    int(after[0]) if after else None, which, limit
                )

        return self._pager.page(
            request,
            read,
            lambda event: (str(event.position),),
            lambda event: weight(_GROWTH * repr(event.data), {}),
        )

    def get(self, event_id: UUID) -> RecordedEvent:
        """One event. Raises EventNotFound."""
        with self._db.reading() as connection:
            return EventRepository(connection, self._db.history).get(event_id)

    def after(self, tx: Tx, position: int, limit: int) -> Sequence[RecordedEvent]:
        """The next events after a position, in their order, as another's transaction sees them."""
        return EventRepository(tx.connection, self._db.history).after(
            position, EventFilter(), limit
        )
