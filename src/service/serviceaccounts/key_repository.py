"""All SQL of the API keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Column,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    or_,
    select,
)

from service.serviceaccounts.errors import ApiKeyNotFound
from service.serviceaccounts.models import ApiKey
from service.storage.prepared import Prepared

_KEYS = Table(
    "api_keys",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("service_account", String),
    Column("prefix", String),
    Column("secret_hash", LargeBinary),
    Column("scopes", ARRAY(String)),
    Column("create_time", DateTime(timezone=True)),
    Column("expire_time", DateTime(timezone=True)),
    Column("last_used_time", DateTime(timezone=True)),
    Column("revoke_time", DateTime(timezone=True)),
    Column("session_id", Uuid),
)
_BY_ID = select(_KEYS).where(_KEYS.c.id == bindparam("key_id"))
_GET = Prepared(_BY_ID)
_GET_FOR_UPDATE = Prepared(_BY_ID.with_for_update())


class ApiKeyRepository:
    """API keys in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._run = connection.execute

    def find(self, key_id: UUID) -> ApiKey | None:
        """The key, whether it works or not."""
        row = _GET.one_or_none(self._connection, {"key_id": key_id})
        return None if row is None else _key(row)

    def find_for_update(self, key_id: UUID) -> ApiKey | None:
        """The same, locked until the transaction ends."""
        row = _GET_FOR_UPDATE.one_or_none(self._connection, {"key_id": key_id})
        return None if row is None else _key(row)

    def get_for_update(self, service_account: str, key_id: UUID) -> ApiKey:
        """The service account's key, locked. Raises ApiKeyNotFound."""
        found = self.find_for_update(key_id)
        if found is None or found.service_account != service_account:
            raise ApiKeyNotFound(f"{service_account}/apiKeys/{key_id}")
        return found

    def list(self, service_account: str, before: UUID | None, limit: int) -> list[ApiKey]:
        """Up to `limit` keys of the service account, newest first, older than `before`."""
        query = select(_KEYS).where(_KEYS.c.service_account == service_account)
        if before is not None:
            query = query.where(_KEYS.c.id < before)
        rows = self._run(query.order_by(_KEYS.c.id.desc()).limit(limit))
        return [_key(row) for row in rows]

    def insert(self, key: ApiKey) -> None:
        """Keeps a new key."""
        self._run(
            _KEYS.insert().values(
                id=key.id,
                service_account=key.service_account,
                prefix=key.prefix,
                secret_hash=key.secret_hash,
                scopes=sorted(key.scopes),
                create_time=key.create_time,
                expire_time=key.expire_time,
            )
        )

    def revoke(self, key_id: UUID, now: datetime) -> None:
        """Revokes a key."""
        self._run(_KEYS.update().where(_KEYS.c.id == key_id).values(revoke_time=now))

    def set_session(self, key_id: UUID, session_id: UUID) -> None:
        """Keeps which session the key's tokens belong to."""
        self._run(_KEYS.update().where(_KEYS.c.id == key_id).values(session_id=session_id))

    def note_use(self, key_id: UUID, now: datetime, *, unless_since: datetime) -> None:
        """Keeps when the key was used, unless it is known to be used since, or is being written."""
        wanted = select(_KEYS.c.id).where(
            _KEYS.c.id == key_id,
            or_(_KEYS.c.last_used_time.is_(None), _KEYS.c.last_used_time < unless_since),
        )
        free = wanted.with_for_update(skip_locked=True).scalar_subquery()
        self._run(_KEYS.update().where(_KEYS.c.id == free).values(last_used_time=now))

    def delete_all(self, service_account: str) -> None:
        """Deletes the service account's keys."""
        self._run(_KEYS.delete().where(_KEYS.c.service_account == service_account))


def _key(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        service_account=row.service_account,
        prefix=row.prefix,
        secret_hash=row.secret_hash,
        scopes=frozenset(row.scopes),
        create_time=row.create_time,
        expire_time=row.expire_time,
        last_used_time=row.last_used_time,
        revoke_time=row.revoke_time,
        session_id=row.session_id,
    )
