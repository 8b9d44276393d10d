"""All SQL of the webhooks; what is sent to them is in delivery_repository.py."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    select,
    text,
)

from service.kernel import names
from service.webhooks.errors import WebhookNotFound
from service.webhooks.models import State, Webhook

_WEBHOOKS = Table(
    "webhooks",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("url", String),
    Column("event_types", ARRAY(String)),
    Column("state", String),
    Column("description", String),
    Column("secret", LargeBinary),
    Column("previous_secret", LargeBinary),
    Column("previous_secret_expire_time", DateTime(timezone=True)),
    Column("create_time", DateTime(timezone=True)),
    Column("update_time", DateTime(timezone=True)),
    Column("version", BigInteger),
)
_INSERT = text(
    "INSERT INTO webhooks (id, url, event_types, state, active, description, secret,"
    " create_time, update_time, version)"
    " VALUES (:id, :url, :event_types, :state, '{}', :description, :secret,"
    " :create_time, :update_time, :version)"
)
# What the dispatcher is past is settled, and need not be known any more.
_BEGIN = text(
    "UPDATE webhooks SET active ="
    " active * int8multirange(int8range((SELECT position FROM webhook_cursor), NULL))"
    " + int8multirange(int8range((SELECT coalesce(max(position), 0) + 1 FROM events), NULL))"
    " WHERE id = :id"
)
_END = text(
    "UPDATE webhooks SET active = active"
    " * int8multirange(int8range(NULL, (SELECT coalesce(max(position), 0) + 1 FROM events)))"
    " WHERE id = :id"
)
_FORGET_PAST = text("UPDATE webhooks SET active = '{}' WHERE id = :id")
_PACE = text("UPDATE webhooks SET prompt = :prompt WHERE id = :id AND prompt <> :prompt")


class WebhookRepository:
    """Webhooks in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def get(self, webhook_id: UUID) -> Webhook:
        """Raises WebhookNotFound."""
        if (found := self._find(select(_WEBHOOKS), webhook_id)) is None:
            raise WebhookNotFound(names.webhook(webhook_id))
        return found

    def get_for_update(self, webhook_id: UUID) -> Webhook:
        """The webhook, locked until the transaction ends. Raises WebhookNotFound."""
        if (found := self.find_for_update(webhook_id)) is None:
            raise WebhookNotFound(names.webhook(webhook_id))
        return found

    def find_for_update(self, webhook_id: UUID) -> Webhook | None:
        """The same, or None."""
        return self._find(select(_WEBHOOKS).with_for_update(), webhook_id)

    def list(self, after: UUID | None, limit: int) -> list[Webhook]:
        """Up to `limit` webhooks made after `after`, oldest first."""
        query = select(_WEBHOOKS).order_by(_WEBHOOKS.c.id).limit(limit)
        if after is not None:
            query = query.where(_WEBHOOKS.c.id > after)
        return [_webhook(row) for row in self._run(query)]

    def insert(self, webhook: Webhook) -> None:
        """Adds it; nothing is for it before `begin`."""
        row = _row(webhook) | {"id": webhook.id, "create_time": webhook.create_time}
        self._run(_INSERT, row)

    def update(self, webhook: Webhook) -> None:
        """Writes the webhook and its next version."""
        webhook.version += 1
        self._run(_WEBHOOKS.update().where(_WEBHOOKS.c.id == webhook.id).values(_row(webhook)))

    def begin(self, webhook_id: UUID) -> None:
        """From here on events are for the webhook; in a transaction that is `in_order`."""
        self._run(_BEGIN, {"id": webhook_id})

    def end(self, webhook_id: UUID) -> None:
        """From here on they are not; in a transaction that is `in_order`."""
        self._run(_END, {"id": webhook_id})

    def forget_past(self, webhook_id: UUID) -> None:
        """Nothing is for it until it begins again; what was, has to be a delivery by now."""
        self._run(_FORGET_PAST, {"id": webhook_id})

    def keep_pace(self, webhook_id: UUID, *, prompt: bool) -> None:
        """Remembers whether its receiver answered promptly the last time; no change of its own."""
        self._run(_PACE, {"id": webhook_id, "prompt": prompt})

    def delete(self, webhook_id: UUID) -> None:
        """Deletes the webhook."""
        self._run(_WEBHOOKS.delete().where(_WEBHOOKS.c.id == webhook_id))

    def _find(self, query: Any, webhook_id: UUID) -> Webhook | None:
        row = self._run(query.where(_WEBHOOKS.c.id == webhook_id)).one_or_none()
        return None if row is None else _webhook(row)


def _row(webhook: Webhook) -> dict[str, object]:
    return {
        "url": webhook.url,
        "event_types": list(webhook.event_types),
        "state": str(webhook.state),
        "description": webhook.description,
        "secret": webhook.secret,
        "previous_secret": webhook.previous_secret,
        "previous_secret_expire_time": webhook.previous_secret_expire_time,
        "update_time": webhook.update_time,
        "version": webhook.version,
    }


def _webhook(row: Any) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        event_types=list(row.event_types),
        state=State(row.state),
        description=row.description,
        secret=row.secret,
        create_time=row.create_time,
        update_time=row.update_time,
        previous_secret=row.previous_secret,
        previous_secret_expire_time=row.previous_secret_expire_time,
        version=row.version,
    )
