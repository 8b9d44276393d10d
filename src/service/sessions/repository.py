"""All SQL of the sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    func,
    select,
)

from service.kernel.crypto import KeyRing
from service.sessions.errors import SessionNotFound
from service.sessions.models import Session
from service.storage.prepared import Prepared

_TIME = DateTime(timezone=True)
_SESSIONS = Table(
    "sessions",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("subject", String),
    Column("device", String),
    Column("peer_address", String),
    Column("scopes", ARRAY(String)),
    Column("create_time", _TIME),
    Column("expire_time", _TIME),
    Column("end_time", _TIME),
    Column("token_expire_time", _TIME),
    Column("revoke_time", _TIME),
    Column("refresh_key", LargeBinary),
    Column("generation", Integer),
    Column("refresh_time", _TIME),
)
_NOW = func.clock_timestamp(type_=_TIME)
_BY_ID = _SESSIONS.c.id == bindparam("session_id")
_GET = Prepared(select(_SESSIONS).where(_BY_ID))
_GET_FOR_UPDATE = Prepared(select(_SESSIONS, _NOW.label("now")).where(_BY_ID).with_for_update())
_ADVANCE = Prepared(
    _SESSIONS.update()
    .where(_BY_ID)
    .values(
        generation=bindparam("next_generation"),
        expire_time=bindparam("next_expire_time"),
        end_time=bindparam("next_end_time"),
        token_expire_time=bindparam("next_token_expire_time"),
        refresh_time=bindparam("now"),
    )
)
_LIVING = _SESSIONS.c.revoke_time.is_(None) & (_SESSIONS.c.expire_time > _NOW)


class SessionRepository:
    """Sessions in one transaction. Their refresh keys are sealed with `ring`."""

    def __init__(self, connection: Connection, ring: KeyRing) -> None:
        self._connection = connection
        self._run = connection.execute
        self._ring = ring

    def now(self) -> datetime:
        """Database time."""
        now: datetime = self._run(select(_NOW)).scalar_one()
        return now

    def find(self, session_id: UUID) -> Session | None:
        """The session, living or ended."""
        row = _GET.one_or_none(self._connection, {"session_id": session_id})
        return None if row is None else self._session(row)

    def find_for_update(self, session_id: UUID) -> tuple[Session, datetime] | None:
        """The session, locked until the transaction ends, and the time at which it was."""
        row = _GET_FOR_UPDATE.one_or_none(self._connection, {"session_id": session_id})
        return None if row is None else (self._session(row), row.now)

    def get_for_update(self, session_id: UUID) -> tuple[Session, datetime]:
        """The same. Raises SessionNotFound."""
        found = self.find_for_update(session_id)
        if found is None:
            raise SessionNotFound(f"sessions/{session_id}")
        return found

    def list_living(self, subject: str, before: UUID | None, limit: int) -> list[Session]:
        """Up to `limit` living sessions of the subject, newest first, older than `before`."""
        query = select(_SESSIONS).where(_SESSIONS.c.subject == subject, _LIVING)
        if before is not None:
            query = query.where(_SESSIONS.c.id < before)
        rows = self._run(query.order_by(_SESSIONS.c.id.desc()).limit(limit))
        return [self._session(row) for row in rows]

    def insert(self, session: Session) -> None:
        """Keeps a new session."""
        self._run(
            _SESSIONS.insert().values(
                id=session.id,
                subject=session.subject,
                device=session.device,
                peer_address=session.peer_address,
                scopes=sorted(session.scopes),
                create_time=session.create_time,
                expire_time=session.expire_time,
                end_time=session.end_time,
                token_expire_time=session.token_expire_time,
                refresh_key=self._ring.seal(session.refresh_key, _place(session.id)),
                generation=session.generation,
                refresh_time=session.refresh_time,
            )
        )

    def advance(self, session: Session) -> None:
        """Writes the session's new generation, and how long it lives now."""
        _ADVANCE.run(
            self._connection,
            {
                "session_id": session.id,
                "next_generation": session.generation,
                "next_expire_time": session.expire_time,
                "next_end_time": session.end_time,
                "next_token_expire_time": session.token_expire_time,
                "now": session.refresh_time,
            },
        )

    def revoke(self, session_id: UUID, now: datetime) -> None:
        """Ends a session."""
        self._run(_SESSIONS.update().where(_SESSIONS.c.id == session_id).values(revoke_time=now))

    def revoke_all(
        self, subject: str, keep: UUID | None, now: datetime
    ) -> list[tuple[UUID, datetime]]:
        """Ends the subject's living sessions but `keep`; answers each with its tokens' end."""
        which = _SESSIONS.update().where(_SESSIONS.c.subject == subject, _LIVING)
        if keep is not None:
            which = which.where(_SESSIONS.c.id != keep)
        ended = which.values(revoke_time=now).returning(
            _SESSIONS.c.id, _SESSIONS.c.token_expire_time
        )
        return [(row.id, row.token_expire_time) for row in self._run(ended)]

    def _session(self, row: Any) -> Session:
        return Session(
            id=row.id,
            subject=row.subject,
            device=row.device,
            peer_address=row.peer_address,
            scopes=frozenset(row.scopes),
            create_time=row.create_time,
            expire_time=row.expire_time,
            end_time=row.end_time,
            token_expire_time=row.token_expire_time,
            refresh_time=row.refresh_time,
            refresh_key=self._ring.open(row.refresh_key, _place(row.id)),
            generation=row.generation,
            revoke_time=row.revoke_time,
        )


def _place(session_id: UUID) -> str:
    return f"sessions/refresh_key/{session_id}"
