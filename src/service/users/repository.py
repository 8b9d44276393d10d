"""All SQL of the users."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    func,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy import BigInteger as Big
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from service.kernel.crypto import KeyRing
from service.kernel.emails import comparable
from service.storage.constraints import broken
from service.storage.prepared import Prepared
from service.users.errors import EmailTaken, UserNotFound
from service.users.models import Credentials, State, User, UserFilter

_USERS = Table(
    "users",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("email", LargeBinary),
    Column("email_index", LargeBinary),
    Column("display_name", LargeBinary),
    Column("attributes", LargeBinary),
    Column("state", String),
    Column("email_verified", Boolean),
    Column("mfa_enabled", Boolean),
    Column("password_hash", String),
    Column("create_time", DateTime(timezone=True)),
    Column("update_time", DateTime(timezone=True)),
    Column("version", Big),
)
_SHOWN = [
    column for column in _USERS.columns if column.name not in {"email_index", "password_hash"}
]
_BY_ID = select(*_SHOWN).where(_USERS.c.id == bindparam("user_id"))
_GET = Prepared(_BY_ID)
_GET_FOR_UPDATE = Prepared(_BY_ID.with_for_update())
_GET_SEVERAL = select(*_SHOWN).where(
    _USERS.c.id == func.any(bindparam("user_ids", type_=ARRAY(Uuid)))
)
_CREDENTIALS = select(_USERS.c.id, _USERS.c.state, _USERS.c.password_hash)
_HAS_CREDENTIAL = text(
    "SELECT password_hash IS NOT NULL"
    " OR EXISTS (SELECT FROM federated_identities WHERE user_id = users.id)"
    " FROM users WHERE id = :user_id"
)
_OLDEST_FIRST = tuple_(_USERS.c.create_time, _USERS.c.id)


class UserRepository:
    """Users in one transaction. What identifies a person is sealed with `ring`."""

    def __init__(self, connection: Connection, ring: KeyRing) -> None:
        self._connection = connection
        self._run = connection.execute
        self._ring = ring

    def get(self, user_id: UUID) -> User:
        """Raises UserNotFound."""
        return self._one(_GET, user_id)

    def get_for_update(self, user_id: UUID) -> User:
        """The user, locked until the transaction ends. Raises UserNotFound."""
        return self._one(_GET_FOR_UPDATE, user_id)

    def get_several(self, user_ids: Sequence[UUID]) -> list[User]:
        """The users in the order asked for. Raises UserNotFound for the first that is missing."""
        rows = self._run(_GET_SEVERAL, {"user_ids": list(user_ids)})
        found = {row.id: self._user(row) for row in rows}
        for user_id in user_ids:
            if user_id not in found:
                raise UserNotFound(f"users/{user_id}")
        return [found[user_id] for user_id in user_ids]

    def list(
        self, which: UserFilter, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[User]:
        """Up to `limit` users, oldest first, after the given creation time and id."""
        query = select(*_SHOWN).order_by(_USERS.c.create_time, _USERS.c.id).limit(limit)
        if after is not None:
            query = query.where(_OLDEST_FIRST > after)
        if which.state is not None:
            query = query.where(_USERS.c.state == which.state)
        if which.email:
            query = query.where(_USERS.c.email_index == self._index(which.email))
        if which.group:
            name = func.concat("users/", _USERS.c.id)
            inside = select(func.subjects_in(which.group))
            query = query.where(name.in_(inside) | literal("everyone").in_(inside))
        if which.start is not None:
            query = query.where(_USERS.c.create_time >= which.start)
        if which.end is not None:
            query = query.where(_USERS.c.create_time < which.end)
        return [self._user(row) for row in self._run(query)]

    def find_credentials(self, email: str) -> Credentials | None:
        """What a sign-in with this e-mail is checked against, if there is such a user."""
        query = _CREDENTIALS.where(_USERS.c.email_index == self._index(email))
        return self._credentials(query)

    def lock_credentials(self, user_id: UUID) -> Credentials | None:
        """The same by id, unchangeable by others until the transaction ends."""
        return self._credentials(_CREDENTIALS.where(_USERS.c.id == user_id).with_for_update())

    def has_credential(self, user_id: UUID) -> bool:
        """Whether the user has a password or an identity at a provider, usable now or not."""
        return bool(self._run(_HAS_CREDENTIAL, {"user_id": user_id}).scalar_one())

    def lock_by_email(self, email: str) -> User | None:
        """The user with this e-mail, locked until the transaction ends, if there is one."""
        query = select(*_SHOWN).where(_USERS.c.email_index == self._index(email))
        row = self._run(query.with_for_update()).one_or_none()
        return self._user(row) if row else None

    def insert(self, user: User, password_hash: str | None) -> None:
        """Raises EmailTaken."""
        row = self._sealed(user) | {
            "id": user.id,
            "create_time": user.create_time,
            "password_hash": password_hash,
        }
        # No error, which would end the transaction, where the address is taken.
        made = insert(_USERS).values(row).on_conflict_do_nothing(index_elements=["email_index"])
        if self._run(made.returning(_USERS.c.id)).one_or_none() is None:
            raise EmailTaken

    def update(self, user: User) -> None:
        """Writes the user and its next version. Raises EmailTaken."""
        user.version += 1
        try:
            self._run(_USERS.update().where(_USERS.c.id == user.id).values(self._sealed(user)))
        except IntegrityError as error:
            if broken(error) == "users_email_index":
                raise EmailTaken from None
            raise

    def set_password(self, user_id: UUID, password_hash: str) -> None:
        """Keeps a password's hash."""
        self._run(_USERS.update().where(_USERS.c.id == user_id).values(password_hash=password_hash))

    def delete(self, user_id: UUID) -> None:
        """Deletes the user."""
        self._run(_USERS.delete().where(_USERS.c.id == user_id))

    def _one(self, query: Prepared, user_id: UUID) -> User:
        row = query.one_or_none(self._connection, {"user_id": user_id})
        if row is None:
            raise UserNotFound(f"users/{user_id}")
        return self._user(row)

    def _credentials(self, query: Any) -> Credentials | None:
        row = self._run(query).one_or_none()
        if row is None:
            return None
        return Credentials(row.id, row.password_hash if row.state == State.ACTIVE else None)

    def _user(self, row: Any) -> User:
        return User(
            id=row.id,
            email=self._open(row, "email"),
            display_name=self._open(row, "display_name"),
            attributes=json.loads(self._open(row, "attributes")),
            state=State(row.state),
            email_verified=row.email_verified,
            mfa_enabled=row.mfa_enabled,
            create_time=row.create_time,
            update_time=row.update_time,
            version=row.version,
        )

    def _sealed(self, user: User) -> dict[str, object]:
        return {
            "email": self._seal(user, "email", user.email),
            "email_index": self._index(user.email),
            "display_name": self._seal(user, "display_name", user.display_name),
            "attributes": self._seal(user, "attributes", json.dumps(dict(user.attributes))),
            "state": user.state,
            "email_verified": user.email_verified,
            "mfa_enabled": user.mfa_enabled,
            "update_time": user.update_time,
            "version": user.version,
        }

    def _seal(self, user: User, column: str, value: str) -> bytes:
        return self._ring.seal(value.encode(), f"users/{column}/{user.id}")

    def _open(self, row: Any, column: str) -> str:
        return self._ring.open(getattr(row, column), f"users/{column}/{row.id}").decode()

    def _index(self, email: str) -> bytes:
        return self._ring.blind_index(comparable(email), "users/email")
