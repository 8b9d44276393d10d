"""A group, and what happens to one."""

from dataclasses import dataclass
from datetime import datetime

from service.kernel.events import Event
from service.kernel.updates import require_etag


@dataclass(slots=True)
class Group:
    """Subjects that are granted things together. Times are database time, in UTC."""

    name: str
    display_name: str
    description: str
    create_time: datetime
    update_time: datetime
    version: int = 1

    @property
    def etag(self) -> str:
        """Changes with every write of the group, not with its members."""
        return f"{self.version:x}"

    def require_etag(self, etag: str) -> None:
        """Raises EtagMismatch unless `etag` is this group's or empty."""
        require_etag(self.name, self.etag, etag)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller says of a group; an empty name is to be made up."""

    name: str
    display_name: str = ""
    description: str = ""


class GroupCreated(Event):
    """A group was created."""

    type = "gatehouse.groups.created"


class GroupUpdated(Event):
    """Fields of a group were changed; `data.fields` names them."""

    type = "gatehouse.groups.updated"


class GroupDeleted(Event):
    """A group was deleted."""

    type = "gatehouse.groups.deleted"
