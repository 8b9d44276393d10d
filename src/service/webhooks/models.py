"""Webhooks, what is sent to them, and what happens to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from service.kernel import names
from service.kernel.events import Event
from service.kernel.updates import require_etag


def secret_place(webhook_id: UUID) -> str:
    """Where a webhook's secrets are sealed for."""
    return f"webhooks/secret/{webhook_id}"


class State(StrEnum):
    """Whether events are sent."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


@dataclass(slots=True)
class Webhook:
    """Somewhere to send events to. Times are database time, in UTC; secrets are sealed."""

    id: UUID
    url: str
    event_types: list[str]
    state: State
    description: str
    secret: bytes = field(repr=False)
    create_time: datetime
    update_time: datetime
    previous_secret: bytes | None = field(default=None, repr=False)
    previous_secret_expire_time: datetime | None = None
    version: int = 1

    @property
    def name(self) -> str:
        """`webhooks/{id}`."""
        return names.webhook(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change of the webhook."""
        return f"{self.version:x}"

    def require_etag(self, etag: str) -> None:
        """Raises EtagMismatch unless `etag` is this webhook's or empty."""
        require_etag(self.name, self.etag, etag)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller says of a webhook; a state of None leaves it as it is."""

    url: str = ""
    event_types: list[str] = field(default_factory=list)
    state: State | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Secured:
    """A webhook, and the secret that is shown this once."""

    webhook: Webhook
    secret: str = field(repr=False)


class DeliveryState(StrEnum):
    """How far a delivery is."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook. `position` is the event's, 0 until that is known."""

    webhook: UUID
    event: UUID
    event_type: str
    create_time: datetime
    next_attempt_time: datetime | None
    position: int = 0
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    last_attempt_time: datetime | None = None
    response_code: int = 0
    response_excerpt: str = field(default="", repr=False)
    error: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries of a webhook are meant; unset means any."""

    state: DeliveryState | None = None
    event: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is this process's to send until `until`; `attempts` counts this try too."""

    webhook: UUID
    event: UUID
    attempts: int
    until: datetime
    url: str = field(repr=False)
    secrets: list[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A delivery, signed and ready to be sent."""

    claim: Claim
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try went: the receiver's answer, or with a `code` of 0 the error instead of one.

    `prompt` says that all of the answer was there soon.
    """

    code: int = 0
    excerpt: str = field(default="", repr=False)
    error: str = ""
    retry_after: str = ""
    prompt: bool = False


def shown(webhook: Webhook) -> dict[str, object]:
    """What events show of a webhook.

    Of its URL only where that leads: what comes after often holds a token.
    """
    parts = urlsplit(webhook.url)
    return {
        "origin": f"{parts.scheme}://{parts.netloc}",
        "event_types": list(webhook.event_types),
        "state": str(webhook.state),
    }


def changes(
    fields: Iterable[str], before: Mapping[str, object], after: Mapping[str, object]
) -> dict[str, object]:
    """What the event of an update says: which fields, and of what is shown that which changed."""
    changed: dict[str, object] = {"fields": list(fields)}
    if others := [name for name in before if before[name] != after[name]]:
        changed["before"] = {name: before[name] for name in others}
        changed["after"] = {name: after[name] for name in others}
    return changed


class WebhookCreated(Event):
    """A webhook was created, as `data.after` shows it."""

    type = "gatehouse.webhooks.created"


class WebhookUpdated(Event):
    """A webhook was changed: `data` has the fields, and before and after of what is shown."""

    type = "gatehouse.webhooks.updated"


class WebhookDeleted(Event):
    """A webhook was deleted, which was as `data.before` shows it."""

    type = "gatehouse.webhooks.deleted"


class SecretRotated(Event):
    """A webhook got a new secret."""

    type = "gatehouse.webhooks.secret_rotated"


class WebhookPinged(Event):
    """Somebody tries a webhook: it alone is sent this, whatever types it wants."""

    type = "gatehouse.webhooks.pinged"


class EventRedelivered(Event):
    """An event is to be sent to a webhook again; `data.event` names it."""

    type = "gatehouse.webhooks.redelivered"


class WebhookGone(Event):
    """A webhook was disabled because of what its receiver answered, which `data.reason` tells."""

    type = "gatehouse.webhooks.disabled"
