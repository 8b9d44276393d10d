"""All SQL of the deliveries: as they are looked at, made from events, claimed and settled."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from service.events.models import RecordedEvent
from service.webhooks.models import (
    Claim,
    Delivery,
    DeliveryFilter,
    DeliveryState,
    Outcome,
    WebhookPinged,
)

_COLUMNS = (
    "webhook, event, position, event_type, state, attempts, create_time, last_attempt_time,"
    " next_attempt_time, response_code, response_excerpt, error"
)
# The cursor's own row is the lock that makes the dispatchers one at a time.
_CURSOR = text("SELECT position FROM webhook_cursor FOR UPDATE SKIP LOCKED")
_ADVANCE = text("UPDATE webhook_cursor SET position = :position")
_HOLD_CURSOR = text("SELECT FROM webhook_cursor FOR UPDATE")
_NEW = f"""
INSERT INTO deliveries ({_COLUMNS})
SELECT w.id, e.id, e.position, e.type, 'PENDING', 0, clock_timestamp(), NULL,
    clock_timestamp(), 0, '', ''
"""
# Which events are for which webhook.
_IS_FOR = f"""
w.active @> e.position AND CASE
    WHEN e.type = '{WebhookPinged.type}' THEN e.subject = 'webhooks/' || w.id
    ELSE w.event_types = '{{}}'
        OR EXISTS (SELECT FROM unnest(w.event_types) AS prefix WHERE starts_with(e.type, prefix))
END
"""
_ENQUEUE = text(f"""{_NEW}
FROM json_to_recordset(CAST(:events AS json))
    AS e (id uuid, position bigint, type text, subject text)
JOIN webhooks w ON {_IS_FOR}
ON CONFLICT DO NOTHING
""")
_ENQUEUE_PAST = text(f"""{_NEW}
FROM events e JOIN webhooks w ON {_IS_FOR}
WHERE w.id = :webhook AND e.position > (SELECT position FROM webhook_cursor)
ON CONFLICT DO NOTHING
""")
_ASK_AGAIN = text(f"""
INSERT INTO deliveries ({_COLUMNS})
VALUES (:webhook, :event, :position, :type, 'PENDING', 0, clock_timestamp(), NULL,
    clock_timestamp(), 0, '', '')
ON CONFLICT (webhook, event) DO UPDATE SET
    state = 'PENDING', attempts = 0, create_time = excluded.create_time, last_attempt_time = NULL,
    next_attempt_time = excluded.next_attempt_time, response_code = 0, response_excerpt = '',
    error = ''
RETURNING {_COLUMNS}
""")
# Fair: those with the fewest on their way come first, however many another has waiting; and those
# that are not prompt take one place each, and together no more than their share. The time is read
# once, or no index would be used.
_CLAIM = text("""
WITH free AS (
    SELECT id, prompt, coalesce(busy.count, 0) AS busy
    FROM webhooks LEFT JOIN json_to_recordset(CAST(:busy AS json)) AS busy (webhook uuid, count int)
        ON busy.webhook = id
    WHERE state = 'ACTIVE'
), due AS (
    SELECT free.id AS webhook, one.event, free.prompt, one.next_attempt_time,
        free.busy + row_number() OVER (PARTITION BY free.id ORDER BY one.next_attempt_time) AS turn
    FROM free CROSS JOIN LATERAL (
        SELECT event, next_attempt_time FROM deliveries
        WHERE webhook = free.id AND state = 'PENDING'
            AND next_attempt_time <= (SELECT clock_timestamp())
        ORDER BY next_attempt_time
        LIMIT greatest(CASE WHEN free.prompt THEN :each ELSE 1 END - free.busy, 0)
        FOR UPDATE SKIP LOCKED
    ) one
), not_prompt AS (
    SELECT * FROM due WHERE NOT prompt ORDER BY turn, next_attempt_time
    LIMIT (SELECT greatest(:slow - coalesce(sum(busy), 0), 0) FROM free WHERE NOT prompt)
), taken AS (
    SELECT * FROM due WHERE prompt UNION ALL SELECT * FROM not_prompt
    ORDER BY turn, next_attempt_time LIMIT :most
)
UPDATE deliveries d SET attempts = attempts + 1, last_attempt_time = clock_timestamp(),
    next_attempt_time = clock_timestamp() + :lease,
    response_code = 0, response_excerpt = '', error = ''
FROM taken JOIN webhooks w ON w.id = taken.webhook
WHERE d.webhook = taken.webhook AND d.event = taken.event
RETURNING d.webhook, d.event, d.attempts, d.next_attempt_time, w.url, w.secret,
    CASE WHEN w.previous_secret_expire_time > clock_timestamp() THEN w.previous_secret END
        AS previous_secret
""")
_SETTLE = text("""
UPDATE deliveries SET state = :state, response_code = :code, response_excerpt = :excerpt,
    error = :error, next_attempt_time = clock_timestamp() + :pause
WHERE webhook = :webhook AND event = :event AND next_attempt_time = :until
""")


class DeliveryRepository:
    """Deliveries in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def list(
        self, webhook: UUID, which: DeliveryFilter, before: int | None, limit: int
    ) -> list[Delivery]:
        """Up to `limit` deliveries of events before a position, newest event first."""
        conditions, given = ["webhook = :webhook"], {"webhook": webhook, "limit": limit}
        for column, wanted in (("state", which.state), ("event", which.event)):
            if wanted is not None:
                conditions.append(f"{column} = :{column}")
                given[column] = str(wanted)
        if before is not None:
            conditions.append("position < :before")
            given["before"] = before
        where = " AND ".join(conditions)
        query = (
            f"SELECT {_COLUMNS} FROM deliveries WHERE {where} ORDER BY position DESC LIMIT :limit"
        )
        return [_delivery(row) for row in self._run(text(query), given)]

    def cursor(self) -> int | None:
        """Up to which event deliveries were made, locked; None while somebody else is at it."""
        position: int | None = self._run(_CURSOR).scalar_one_or_none()
        return position

    def enqueue(self, events: Sequence[RecordedEvent]) -> None:
        """Makes a delivery of each event for each webhook that it is for, and moves the cursor."""
        rows = [
            {"id": str(it.id), "position": it.position, "type": it.type, "subject": it.subject}
            for it in events
        ]
        self._run(_ENQUEUE, {"events": json.dumps(rows)})
        self._run(_ADVANCE, {"position": events[-1].position})

    def hold_cursor(self) -> None:
        """Nobody else makes deliveries until the transaction ends; waits for who does."""
        self._run(_HOLD_CURSOR)

    def enqueue_past(self, webhook: UUID) -> None:
        """The same for one webhook, of all events there are; the cursor, held, stays."""
        self._run(_ENQUEUE_PAST, {"webhook": webhook})

    def ask_again(self, webhook: UUID, event: RecordedEvent) -> Delivery:
        """Begins anew, or for the first time; who is sending it now no longer settles it."""
        given = {"webhook": webhook, "event": event.id, "position": event.position}
        return _delivery(self._run(_ASK_AGAIN, given | {"type": event.type}).one())

    def claim(
        self, busy: Mapping[UUID, int], *, each: int, slow: int, most: int, lease: timedelta
    ) -> Sequence[Claim]:
        """Takes up to `most` that are due, `each` of a webhook less those it has `busy` here.

        Of one that is not prompt it is one, and `slow` of all those together. Whoever does not
        settle one within the `lease` loses it.
        """
        rows = [{"webhook": str(webhook), "count": count} for webhook, count in busy.items()]
        given = {"busy": json.dumps(rows), "each": each, "slow": slow, "most": most, "lease": lease}
        return [
            Claim(
                webhook=row.webhook,
                event=row.event,
                attempts=row.attempts,
                until=row.next_attempt_time,
                url=row.url,
                secrets=[it for it in (row.secret, row.previous_secret) if it is not None],
            )
            for row in self._run(_CLAIM, given)
        ]

    def settle(
        self, claim: Claim, state: DeliveryState, outcome: Outcome, pause: timedelta | None
    ) -> None:
        """Writes how a try went, unless the claim was lost meanwhile."""
        given = {"webhook": claim.webhook, "event": claim.event, "until": claim.until}
        given |= {"code": outcome.code, "excerpt": outcome.excerpt, "error": outcome.error}
        self._run(_SETTLE, given | {"state": str(state), "pause": pause})


def _delivery(row: Any) -> Delivery:
    return Delivery(
        webhook=row.webhook,
        event=row.event,
        position=row.position,
        event_type=row.event_type,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        create_time=row.create_time,
        last_attempt_time=row.last_attempt_time,
        next_attempt_time=row.next_attempt_time,
        response_code=row.response_code,
        response_excerpt=row.response_excerpt,
        error=row.error,
    )
