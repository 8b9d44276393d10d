"""A user, and what happens to one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.kernel import names
from service.kernel.events import Event
from service.kernel.updates import require_etag


class State(StrEnum):
    """Whether the user can sign in."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    PENDING = "PENDING"


@dataclass(slots=True)
class User:
    """A person who signs in. Times are database time, in UTC."""

    id: UUID
    email: str = field(repr=False)
    display_name: str = field(repr=False)
    attributes: Mapping[str, str] = field(repr=False)
    state: State
    create_time: datetime
    update_time: datetime
    email_verified: bool = False
    mfa_enabled: bool = False
    version: int = 1

    @property
    def subject(self) -> str:
        """`users/{id}`."""
        return names.user(self.id)

    @property
    def etag(self) -> str:
        """Changes with every write of the user."""
        return f"{self.version:x}"

    def require_etag(self, etag: str) -> None:
        """Raises EtagMismatch unless `etag` is this user's or empty."""
        require_etag(self.subject, self.etag, etag)


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a caller says of a user to be created."""

    email: str = field(repr=False)
    display_name: str = field(default="", repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users to list; unset means any. Creation times are from `start` up to before `end`."""

    state: State | None = None
    email: str = field(default="", repr=False)
    group: str = ""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against; `password_hash` is None for who cannot sign in."""

    user_id: UUID
    password_hash: str | None = field(repr=False)


class UserCreated(Event):
    """A user was created; `data.after` has their state."""

    type = "gatehouse.users.created"


class UserUpdated(Event):
    """Fields of a user were changed; `data.fields` names them."""

    type = "gatehouse.users.updated"


class UserSuspended(Event):
    """A user was suspended."""

    type = "gatehouse.users.suspended"


class UserReactivated(Event):
    """A suspended user was let in again."""

    type = "gatehouse.users.reactivated"


class UserDeleted(Event):
    """A user was deleted."""

    type = "gatehouse.users.deleted"


class PasswordChanged(Event):
    """A user's password was changed, by the user or by an operator.

    `data.reset` says that it was with a token from a mail, and `data.unlinked` has the issuers of
    the identities that went with it. `data.before` and `data.after` tell the state of who was
    PENDING until now.
    """

    type = "gatehouse.users.password_changed"
