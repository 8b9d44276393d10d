"""What one can do with webhooks."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from service.access.service import AccessService
from service.events.service import EventService
from service.kernel import names
from service.kernel.call import Call, Committed
from service.kernel.clock import Clock
from service.kernel.crypto import KeyRing
from service.kernel.pages import weight
from service.kernel.updates import fields_to_change, take
from service.storage.database import Database, Tx
from service.storage.pages import Page, Pager, PageRequest
from service.webhooks.delivery_repository import DeliveryRepository
from service.webhooks.errors import WebhookDisabled
from service.webhooks.models import (
    Delivery,
    DeliveryFilter,
    EventRedelivered,
    SecretRotated,
    Secured,
    State,
    Wanted,
    Webhook,
    WebhookCreated,
    WebhookDeleted,
    WebhookPinged,
    WebhookUpdated,
    changes,
    secret_place,
    shown,
)
from service.webhooks.repository import WebhookRepository
from service.webhooks.signature import new_secret
from service.webhooks.urls import require_url

_CHANGEABLE = ("url", "event_types", "state", "description")
# Who changes one of these decides which events leave the house, and to whom.
_DECISIVE = {"url", "event_types", "state"}
_OLD_SECRET_LASTS = timedelta(hours=24)


class WebhookService:
    """The webhooks. One's row is locked first, so that what is done to it is done in turn."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        clock: Clock,
        pager: Pager,
        access: AccessService,
        events: EventService,
        *,
        allow_private: bool,
    ) -> None:
        self._db = database
        self._ring = ring
        self._clock = clock
        self._pager = pager
        self._access = access
        self._events = events
        self._allow_private = allow_private

    def create(self, call: Call, wanted: Wanted) -> Committed[Secured]:
        """A webhook for what happens from now on, and its secret.

        Raises ScopeMissing, PermissionMissing, InvalidArgument for a URL that may not be.
        """
        self._require_watching(call)
        require_url(wanted.url, allow_private=self._allow_private)
        now = self._clock.now()
        webhook_id, secret = names.new_id(), new_secret()
        webhook = Webhook(
            id=webhook_id,
            url=wanted.url,
            event_types=wanted.event_types,
            state=wanted.state or State.ACTIVE,
            description=wanted.description,
            secret=self._sealed(webhook_id, secret),
            create_time=now,
            update_time=now,
        )
        with self._db.transaction(call) as tx:
            WebhookRepository(tx.connection).insert(webhook)
            if webhook.state is State.ACTIVE:
                _heed_state(tx, webhook)
            tx.record(WebhookCreated(webhook.name, {"after": shown(webhook)}))
            return tx.commit(Secured(webhook, secret))

    def get(self, webhook_id: UUID) -> Webhook:
        """The webhook as it is now. Raises WebhookNotFound."""
        with self._db.reading() as connection:
            return WebhookRepository(connection).get(webhook_id)

    def list(self, request: PageRequest) -> Page[Webhook]:
        """A page of webhooks, oldest first. Raises InvalidPageToken."""

        def read(after: Sequence[str] | None, limit: int) -> list[Webhook]:
            with self._db.reading() as connection:
                return WebhookRepository(connection).list(UUID(after[0]) if after else None, limit)

        return self._pager.page(request, read, lambda webhook: (str(webhook.id),), _weight)

    def update(
        self, call: Call, webhook_id: UUID, wanted: Wanted, mask: Sequence[str], *, etag: str = ""
    ) -> Committed[Webhook]:
        """Takes the fields that `mask` names from `wanted`.

        Raises InvalidUpdateMask, ScopeMissing and PermissionMissing before WebhookNotFound,
        InvalidArgument for a URL that may not be, EtagMismatch.
        """
        populated = [name for name in _CHANGEABLE if getattr(wanted, name)]
        fields = fields_to_change(mask, _CHANGEABLE, populated)
        if wanted.state is None:
            fields -= {"state"}
        self._require_may_change(call, wanted, fields)
        with self._db.transaction(call) as tx:
            webhooks = WebhookRepository(tx.connection)
            webhook = webhooks.get_for_update(webhook_id)
            webhook.require_etag(etag)
            before = shown(webhook)
            if changed := take(webhook, wanted, fields):
                webhook.update_time = self._clock.now()
                if "event_types" in changed:
                    _close_past(tx, webhook)
                webhooks.update(webhook)
                if not changed.keys().isdisjoint({"event_types", "state"}):
                    _heed_state(tx, webhook)
                tx.record(WebhookUpdated(webhook.name, changes(changed, before, shown(webhook))))
            return tx.commit(webhook)

    def delete(self, call: Call, webhook_id: UUID, *, etag: str = "") -> Committed[None]:
        """Deletes the webhook; its deliveries are not sent, and go later.

        Raises WebhookNotFound, EtagMismatch.
        """
        with self._db.transaction(call) as tx:
            webhooks = WebhookRepository(tx.connection)
            webhook = webhooks.get_for_update(webhook_id)
            webhook.require_etag(etag)
            webhooks.delete(webhook_id)
            tx.record(WebhookDeleted(webhook.name, {"before": shown(webhook)}))
            return tx.commit(None)

    def rotate_secret(self, call: Call, webhook_id: UUID) -> Committed[Secured]:
        """A new secret; the one before signs beside it for a day. Raises WebhookNotFound."""
        secret = new_secret()
        sealed = self._sealed(webhook_id, secret)
        with self._db.transaction(call) as tx:
            webhooks = WebhookRepository(tx.connection)
            webhook = webhooks.get_for_update(webhook_id)
            webhook.update_time = self._clock.now()
            webhook.previous_secret, webhook.secret = webhook.secret, sealed
            webhook.previous_secret_expire_time = webhook.update_time + _OLD_SECRET_LASTS
            webhooks.update(webhook)
            tx.record(SecretRotated(webhook.name))
            return tx.commit(Secured(webhook, secret))

    def ping(self, call: Call, webhook_id: UUID) -> Committed[Delivery]:
        """Sends the webhook an event of its own. Raises WebhookNotFound, WebhookDisabled."""
        with self._db.transaction(call) as tx:
            webhook = _active(tx, webhook_id)
            ping = WebhookPinged(webhook.name)
            tx.record(ping)
            now = self._clock.now()
            return tx.commit(
                Delivery(webhook_id, ping.id, ping.type, create_time=now, next_attempt_time=now)
            )

    def deliveries(
        self, webhook_id: UUID, which: DeliveryFilter, request: PageRequest
    ) -> Page[Delivery]:
        """A page of deliveries, newest event first. Raises WebhookNotFound, InvalidPageToken."""

        def read(after: Sequence[str] | None, limit: int) -> list[Delivery]:
            before = int(after[0]) if after else None
            with self._db.reading() as connection:
                WebhookRepository(connection).get(webhook_id)
                return DeliveryRepository(connection).list(webhook_id, which, before, limit)

        return self._pager.page(
            request, read, lambda delivery: (str(delivery.position),), _weight_of_delivery
        )

    def redeliver(self, call: Call, webhook_id: UUID, event_id: UUID) -> Committed[Delivery]:
        """Sends an event to the webhook from now on, whether or not it was before.

        Raises ScopeMissing, PermissionMissing, EventNotFound, WebhookNotFound, WebhookDisabled.
        """
        self._require_watching(call)
        event = self._events.get(event_id)
        with self._db.transaction(call) as tx:
            webhook = _active(tx, webhook_id)
            delivery = DeliveryRepository(tx.connection).ask_again(webhook_id, event)
            tx.record(EventRedelivered(webhook.name, {"event": names.event(event_id)}))
            return tx.commit(delivery)

    def _require_may_change(self, call: Call, wanted: Wanted, fields: Collection[str]) -> None:
        if not _DECISIVE.isdisjoint(fields):
            self._require_watching(call)
        if "url" in fields:
            require_url(wanted.url, allow_private=self._allow_private)

    def _require_watching(self, call: Call) -> None:
        """Nobody has events sent elsewhere who may not see them here, with this token."""
        self._access.require(
            call.principal, scope="events:read", permission="events.watch", path="/events"
        )

    def _sealed(self, webhook_id: UUID, secret: str) -> bytes:
        return self._ring.seal(secret.encode(), secret_place(webhook_id))


def _active(tx: Tx, webhook_id: UUID) -> Webhook:
    """The webhook, which stays active until the transaction ends."""
    webhook = WebhookRepository(tx.connection).get_for_update(webhook_id)
    if webhook.state is not State.ACTIVE:
        raise WebhookDisabled(webhook.name)
    return webhook


def _close_past(tx: Tx, webhook: Webhook) -> None:
    """What happened before this commit is for the webhook by the types that it had until then."""
    deliveries = DeliveryRepository(tx.connection)
    deliveries.hold_cursor()
    tx.in_order()
    deliveries.enqueue_past(webhook.id)
    WebhookRepository(tx.connection).forget_past(webhook.id)


def _heed_state(tx: Tx, webhook: Webhook) -> None:
    """From this commit on, and to the event, events are for the webhook or are not."""
    tx.in_order()
    webhooks = WebhookRepository(tx.connection)
    if webhook.state is State.ACTIVE:
        webhooks.begin(webhook.id)
    else:
        webhooks.end(webhook.id)


def _weight(webhook: Webhook) -> int:
    return weight("".join((webhook.url, webhook.description, *webhook.event_types)), {})


def _weight_of_delivery(delivery: Delivery) -> int:
    return weight(delivery.response_excerpt, {})
