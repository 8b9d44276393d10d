"""What is to be sent: made from events, claimed, and settled by how it went."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from uuid import UUID

from service.events.cloudevents import document
from service.events.errors import EventNotFound
from service.events.service import EventService
from service.kernel.call import Call
from service.kernel.clock import Clock
from service.kernel.conflicts import retried
from service.kernel.crypto import CannotOpen, KeyRing
from service.storage.database import Database, Tx
from service.webhooks import schedule
from service.webhooks.delivery_repository import DeliveryRepository
from service.webhooks.models import (
    Claim,
    DeliveryState,
    Message,
    Outcome,
    State,
    WebhookGone,
    secret_place,
)
from service.webhooks.repository import WebhookRepository
from service.webhooks.signature import signatures

# How many events are made into deliveries in one transaction, which is short for many webhooks too.
_PAGE = 100
# Longer than a try may take, and how long what a killed worker had claimed waits for another.
LEASE = timedelta(seconds=30)
_GONE = 410
# Not application/cloudevents+json: receivers check the signature over the body as it came, and what
# they use to get at that, such as express.raw, is set to this type and leaves out any other.
_CONTENT_TYPE = "application/json"


class Deliveries:
    """What is on its way, for whoever sends it; any number of processes may."""

    def __init__(
        self, database: Database, ring: KeyRing, clock: Clock, events: EventService, *, issuer: str
    ) -> None:
        self._db = database
        self._ring = ring
        self._clock = clock
        self._events = events
        self._source = issuer
        self._agent = f"gatehouse/{version('gatehouse')}"

    def fill(self) -> bool:
        """Makes the next events into deliveries; answers whether there may be more.

        In one transaction with the cursor, and one process at a time: so each event is, once.
        """
        with self._db.transaction(Call.internal("webhooks")) as tx:
            deliveries = DeliveryRepository(tx.connection)
            position = deliveries.cursor()
            if position is None:
                return False
            # Before the webhooks are looked at: those made or changed after the last of these
            # events may be seen or not, as they are not for them.
            if events := self._events.after(tx, position, _PAGE):
                deliveries.enqueue(events)
                tx.commit(None)
        return len(events) == _PAGE

    def claim(self, busy: Mapping[UUID, int], *, each: int, slow: int, most: int) -> list[Message]:
        """Up to `most` messages to send now, `each` of a webhook less those it has `busy` here.

        Of one whose receiver did not answer promptly the last time, or was never asked, it is one
        message, and `slow` of all those together.
        """
        with self._db.transaction(Call.internal("webhooks")) as tx:
            claims = DeliveryRepository(tx.connection).claim(
                busy, each=each, slow=slow, most=most, lease=LEASE
            )
            tx.commit(None)
        return list(self._messages(claims))

    def settle(self, claim: Claim, outcome: Outcome) -> None:
        """Says how a try went, and so whether and when there is another."""
        retried(partial(self._settle, claim, outcome))

    def _settle(self, claim: Claim, outcome: Outcome) -> None:
        with self._db.transaction(Call.internal("webhooks")) as tx:
            WebhookRepository(tx.connection).keep_pace(claim.webhook, prompt=outcome.prompt)
            is_gone = outcome.code == _GONE and _leads_there(tx, claim)
            pause = schedule.pause_after(claim.attempts)
            if 200 <= outcome.code < 300:
                state, pause = DeliveryState.SUCCEEDED, None
            elif is_gone or pause is None:
                state, pause = DeliveryState.FAILED, None
            else:
                asked = schedule.asked_pause(outcome.retry_after, self._clock.now())
                state, pause = DeliveryState.PENDING, max(pause, asked)
            DeliveryRepository(tx.connection).settle(claim, state, outcome, pause)
            if is_gone:
                self._disable(tx, claim.webhook)
            tx.commit(None)

    def _disable(self, tx: Tx, webhook_id: UUID) -> None:
        """Sends no more to where nobody wants it, unless that has been done."""
        webhooks = WebhookRepository(tx.connection)
        webhook = webhooks.get_for_update(webhook_id)
        if webhook.state is State.ACTIVE:
            webhook.state = State.DISABLED
            webhook.update_time = self._clock.now()
            webhooks.update(webhook)
            tx.in_order()
            webhooks.end(webhook_id)
            tx.record(WebhookGone(webhook.name, {"reason": "the receiver answered 410 Gone"}))

    def _give_up(self, claim: Claim, error: str) -> None:
        with self._db.transaction(Call.internal("webhooks")) as tx:
            deliveries = DeliveryRepository(tx.connection)
            deliveries.settle(claim, DeliveryState.FAILED, Outcome(error=error), None)
            tx.commit(None)

    def _messages(self, claims: Iterable[Claim]) -> Iterator[Message]:
        """Those that can be sent: one that cannot must not keep the others."""
        for claim in claims:
            if claim.attempts > schedule.TRIES:
                self._give_up(claim, "Every try was cut short here; the server's log may tell why.")
                continue
            try:
                yield self._message(claim)
            except EventNotFound:
                self._give_up(claim, "The event is not kept any more.")
            except CannotOpen:
                error = "The webhook's secret is sealed under a key that is not there; rotate it."
                self.settle(claim, Outcome(error=error))

    def _message(self, claim: Claim) -> Message:
        event = self._events.get(claim.event)
        body = _packed(document(event, source=self._source))
        place = secret_place(claim.webhook)
        secrets = [self._ring.open(sealed, place).decode() for sealed in claim.secrets]
        timestamp = int(self._clock.timestamp())
        headers = {
            "content-type": _CONTENT_TYPE,
            "user-agent": self._agent,
            "webhook-id": str(event.id),
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(secrets, str(event.id), timestamp, body),
        }
        return Message(claim, headers, body)


def _leads_there(tx: Tx, claim: Claim) -> bool:
    """Whether the webhook, locked, is there and leads to where the try went."""
    webhook = WebhookRepository(tx.connection).find_for_update(claim.webhook)
    return webhook is not None and webhook.url == claim.url


def _packed(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
