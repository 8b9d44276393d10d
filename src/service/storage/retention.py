"""Deleting what nobody needs any more, a little at a time."""

from sqlalchemy import text

from service.kernel.call import Call
from service.storage.database import Database

_AT_ONCE = 5_000

# A transaction each, so that none is long. What is kept how long:
_PURGES = {
    # AIP-155: the contract promises 24 hours.
    "requests": text(
        "DELETE FROM requests WHERE ctid = ANY(ARRAY("
        " SELECT ctid FROM requests WHERE time < now() - interval '24 hours' LIMIT :at_once))"
    ),
    # A process that has not read for an hour starts over, so a day is long enough; a revocation
    # also matters as long as there may be tokens that it refuses. The newest stays, because its
    # position is where everyone is.
    "changes": text(
        "DELETE FROM changes WHERE ctid = ANY(ARRAY("
        " SELECT ctid FROM changes WHERE time < now() - interval '24 hours'"
        " AND (expire_time IS NULL OR expire_time < now() - interval '24 hours')"
        " AND position < (SELECT max(position) FROM changes)"
        " LIMIT :at_once))"
    ),
    # An expired grant counts for nothing, but says for a while longer what was.
    "grants": text(
        "DELETE FROM grants WHERE ctid = ANY(ARRAY("
        " SELECT ctid FROM grants WHERE expire_time < now() - interval '30 days'"
        " LIMIT :at_once))"
    ),
    # Used states of federated sign-ins matter as long as they would be taken.
    "used_states": text(
        "DELETE FROM used_states WHERE ctid = ANY(ARRAY("
        " SELECT ctid FROM used_states WHERE expire_time < now() - interval '1 hour'"
        " LIMIT :at_once))"
    ),
    # A mailed token that has expired is refused as one that never was.
    "mailed_tokens": text(
        "DELETE FROM mailed_tokens WHERE ctid = ANY(ARRAY("
        " SELECT ctid FROM mailed_tokens WHERE expire_time < now() LIMIT :at_once))"
    ),
    # The contract promises a month after their end.
    "deliveries": text(
        "DELETE FROM deliveries WHERE ctid = ANY(ARRAY("
        " SELECT ctid FROM deliveries"
        " WHERE state <> 'PENDING' AND last_attempt_time < now() - interval '30 days'"
        " LIMIT :at_once))"
    ),
    # From one webhook to the next by the index: there are few, and very many deliveries of each.
    "deliveries_of_deleted_webhooks": text(
        "WITH RECURSIVE sent (webhook) AS ("
        " (SELECT webhook FROM deliveries ORDER BY webhook LIMIT 1)"
        " UNION ALL"
        " SELECT (SELECT d.webhook FROM deliveries d WHERE d.webhook > sent.webhook"
        " ORDER BY d.webhook LIMIT 1) FROM sent WHERE sent.webhook IS NOT NULL"
        ") DELETE FROM deliveries WHERE ctid = ANY(ARRAY("
        " SELECT d.ctid FROM deliveries d JOIN sent USING (webhook)"
        " WHERE NOT EXISTS (SELECT FROM webhooks w WHERE w.id = sent.webhook)"
        " LIMIT :at_once))"
    ),
    # A session can be looked at for a month after the end that it had from the start.
    "sessions": text(
        "DELETE FROM sessions WHERE ctid = ANY(ARRAY("
        " SELECT ctid FROM sessions WHERE end_time < now() - interval '30 days'"
        " LIMIT :at_once))"
    ),
}


def purge(database: Database) -> dict[str, int]:
    """Deletes what is past its time; answers how many rows of which table."""
    deleted = dict.fromkeys(_PURGES, 0)
    for table, statement in _PURGES.items():
        while True:
            with database.transaction(Call.internal("purge")) as tx:
                rows = tx.connection.execute(statement, {"at_once": _AT_ONCE}).rowcount
                tx.commit(None)
            deleted[table] += rows
            if rows < _AT_ONCE:
                break
    return deleted
