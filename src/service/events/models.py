"""Events as they are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from service.kernel.events import Event


@dataclass(frozen=True, slots=True, eq=False)
class RecordedEvent:
    """One event. `position` is its place in the order of all commits; `time` never goes back.

    Decisions at `revision` or later know of it, and whoever was told it resumes there.
    """

    position: int
    revision: str
    id: UUID
    type: str
    subject: str
    actor: str
    time: datetime
    request_id: str
    peer_address: str = field(repr=False)
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """Events that are to be exported: `count` of them, after one position and through another."""

    after: int
    through: int
    count: int


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are meant; unset means any. Times are from `start` up to before `end`."""

    type_prefix: str = ""
    subject: str = ""
    actor: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def takes(self, event: RecordedEvent) -> bool:
        """Whether the event is meant."""
        return (
            event.type.startswith(self.type_prefix)
            and self.subject in {"", event.subject}
            and self.actor in {"", event.actor}
            and (self.start is None or event.time >= self.start)
            and (self.end is None or event.time < self.end)
        )


class EventsArchived(Event):
    """Old events were exported to a file, the subject, and may be deleted; `data.events` counts."""

    type = "gatehouse.events.archived"
