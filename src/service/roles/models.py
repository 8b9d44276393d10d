"""A role, and what happens to one."""

from dataclasses import dataclass
from datetime import datetime

from service.kernel.events import Event
from service.kernel.updates import require_etag


@dataclass(slots=True)
class Role:
    """A named set of permissions. Times are database time, in UTC."""

    name: str
    title: str
    description: str
    permissions: frozenset[str]
    create_time: datetime
    update_time: datetime
    built_in: bool = False
    version: int = 1

    @property
    def etag(self) -> str:
        """Changes with every write of the role."""
        return f"{self.version:x}"

    def require_etag(self, etag: str) -> None:
        """Raises EtagMismatch unless `etag` is this role's or empty."""
        require_etag(self.name, self.etag, etag)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller says of a role."""

    name: str
    title: str
    description: str
    permissions: frozenset[str]


class RoleCreated(Event):
    """A role was created; `data.after` is what it allows."""

    type = "gatehouse.roles.created"


class RoleUpdated(Event):
    """Fields of a role were changed; `data` has them, and what it allowed `before` and `after`."""

    type = "gatehouse.roles.updated"


class RoleDeleted(Event):
    """A role was deleted; `data.before` is what it allowed."""

    type = "gatehouse.roles.deleted"
