"""A service account, its API keys, and what happens to them."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.kernel import names
from service.kernel.events import Event
from service.kernel.updates import require_etag


class State(StrEnum):
    """Whether the service account can sign in."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


@dataclass(slots=True)
class ServiceAccount:
    """A service that signs in. Times are database time, in UTC."""

    name: str
    display_name: str
    description: str
    create_time: datetime
    update_time: datetime
    state: State = State.ACTIVE
    version: int = 1

    @property
    def etag(self) -> str:
        """Changes with every write of the service account, not with its keys."""
        return f"{self.version:x}"

    def require_etag(self, etag: str) -> None:
        """Raises EtagMismatch unless `etag` is this service account's or empty."""
        require_etag(self.name, self.etag, etag)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller says of one; an empty name is to be made up, no state leaves it as it is."""

    name: str
    display_name: str
    description: str
    state: State | None


@dataclass(slots=True)
class ApiKey:
    """What a service signs in with. Times are database time, in UTC.

    `session_id` is the session that the key's tokens belong to.
    """

    id: UUID
    service_account: str
    prefix: str
    secret_hash: bytes = field(repr=False)
    scopes: frozenset[str]
    create_time: datetime
    expire_time: datetime | None
    last_used_time: datetime | None = None
    revoke_time: datetime | None = None
    session_id: UUID | None = None

    @property
    def name(self) -> str:
        """`serviceAccounts/{id}/apiKeys/{id}`."""
        return names.api_key(self.service_account, self.id)

    def works(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoke_time is None and (self.expire_time is None or now < self.expire_time)

    def is_opened_by(self, secret_hash: bytes) -> bool:
        """Whether the hash is that of the key's secret."""
        return hmac.compare_digest(self.secret_hash, secret_hash)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its secret, which is in the clear here and nowhere else."""

    key: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeySignIn:
    """What a key gives: tokens of the session for the scopes, good until `until` at most."""

    service_account: str
    session: str
    scopes: frozenset[str]
    until: datetime


class ServiceAccountCreated(Event):
    """A service account was created."""

    type = "gatehouse.serviceaccounts.created"


class ServiceAccountUpdated(Event):
    """Fields of a service account were changed; `data.fields` names them."""

    type = "gatehouse.serviceaccounts.updated"


class ServiceAccountSuspended(Event):
    """A service account was suspended."""

    type = "gatehouse.serviceaccounts.suspended"


class ServiceAccountReactivated(Event):
    """A suspended service account was let in again."""

    type = "gatehouse.serviceaccounts.reactivated"


class ServiceAccountDeleted(Event):
    """A service account was deleted, and its keys with it."""

    type = "gatehouse.serviceaccounts.deleted"


class ApiKeyCreated(Event):
    """A service account got a key; `data` has the key's name, scopes and expire_time."""

    type = "gatehouse.serviceaccounts.api_key_created"


class ApiKeyRevoked(Event):
    """A service account's key was revoked; `data.key` names it."""

    type = "gatehouse.serviceaccounts.api_key_revoked"
