"""What one can do with sessions: open, refresh, see and end them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from service.access.errors import PermissionMissing
from service.access.service import AccessService
from service.kernel import names
from service.kernel.call import Call, Committed
from service.kernel.changes import ChangeKind
from service.kernel.crypto import KeyRing
from service.kernel.principal import Principal
from service.sessions import refresh_tokens
from service.sessions.errors import (
    RefreshTokenInvalid,
    RefreshTokenReused,
    SessionNotFound,
    SessionRevoked,
)
from service.sessions.last_seen import LastSeen
from service.sessions.models import (
    Opened,
    RefreshTheft,
    Session,
    SessionRefreshed,
    SessionRevokedEvent,
)
from service.sessions.repository import SessionRepository
from service.storage.database import Database, Tx
from service.storage.pages import Page, Pager, PageRequest

_LONGEST_TOKEN = timedelta(hours=24)  # what the setting can be at most


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things live: access tokens, sessions left idle, and sessions at all.

    For `grace` after a refresh, the client that lost the answer may ask for it again.
    """

    access_token: timedelta
    idle: timedelta
    absolute: timedelta
    grace: timedelta


class SessionService:
    """The sessions of those who have signed in."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        seen: LastSeen,
        pager: Pager,
        access: AccessService,
        lifetimes: Lifetimes,
        *,
        records_refreshes: bool,
    ) -> None:
        self._db = database
        self._ring = ring
        self._seen = seen
        self._pager = pager
        self._access = access
        self._lifetimes = lifetimes
        self._records_refreshes = records_refreshes

    def open(self, tx: Tx, subject: str, *, device: str, scopes: frozenset[str]) -> Opened:
        """A new session of the subject, within the transaction of the sign-in."""
        sessions = self._sessions(tx)
        now = sessions.now()
        end = now + self._lifetimes.absolute
        session = _new(
            *(tx, subject, device, scopes, now),
            expire_time=min(now + self._lifetimes.idle, end),
            end_time=end,
            token_expire_time=min(now + self._lifetimes.access_token, end),
        )
        sessions.insert(session)
        return _opened(session)

    def open_for_key(self, tx: Tx, subject: str, *, device: str, scopes: frozenset[str]) -> Session:
        """A new session for the tokens of an API key; nobody is given its refresh token."""
        sessions = self._sessions(tx)
        now = sessions.now()
        tokens, end = self._key_ends(now, now)
        session = _new(
            *(tx, subject, device, scopes, now),
            expire_time=end,
            end_time=end,
            token_expire_time=tokens,
        )
        sessions.insert(session)
        return session

    def prolong(self, tx: Tx, session_id: UUID, until: datetime) -> Session | None:
        """The session of an API key, its tokens good until `until` at least; None when it is over.

        It takes more time than asked for, so that this is needed once in a token's lifetime.
        """
        sessions = self._sessions(tx)
        found = sessions.find_for_update(session_id)
        if found is None or not found[0].lives(found[1]):
            return None
        session, now = found
        if not session.carries(until, now):
            session.refresh_time = now
            session.token_expire_time, end = self._key_ends(now, session.token_expire_time)
            session.expire_time = session.end_time = end
            sessions.advance(session)
        return session

    def refresh(self, call: Call, token: str) -> Opened:
        """The session with its next refresh token; RFC 9700, section 4.14.2.

        The same old token again within the grace, its successor unused, answers the same successor.
        Raises RefreshTokenInvalid, and RefreshTokenReused after ending the session.
        """
        presented = refresh_tokens.read(token)
        with self._db.transaction(call) as tx:
            sessions = self._sessions(tx)
            found = sessions.find_for_update(presented.session_id)
            if found is None:
                raise RefreshTokenInvalid
            session, now = found
            if not session.lives(now) or not presented.is_authentic(session.refresh_key):
                raise RefreshTokenInvalid
            # A newer one than we know of was given out before a failover lost the refresh.
            if presented.generation >= session.generation:
                session.generation = presented.generation + 1
                session.refresh_time = now
                session.expire_time = min(now + self._lifetimes.idle, session.end_time)
                # Never sooner than before: an older token may have been given more time.
                tokens = min(now + self._lifetimes.access_token, session.end_time)
                session.token_expire_time = max(session.token_expire_time, tokens)
                sessions.advance(session)
                if self._records_refreshes:
                    tx.record(SessionRefreshed(session.subject, {"session": session.name}))
                return tx.commit(_opened(session)).value
            lost = presented.generation == session.generation - 1
            if lost and now - session.refresh_time <= self._lifetimes.grace:
                return _opened(session)
            self._end(tx, session, now)
            tx.record(RefreshTheft(session.subject, {"session": session.name}))
            tx.commit(None)
        raise RefreshTokenReused

    def note(self, principal: Principal) -> None:
        """A token of the session was used now."""
        self._seen.note(principal)

    def get(self, call: Call, session_id: UUID) -> Session:
        """A session that the caller may see. Raises PermissionDenied before SessionNotFound."""
        session = self._visible(call, session_id, "sessions.read")
        session.last_seen_time = self._seen.last_seen([session])[0]
        return session

    def find(self, session_id: UUID) -> Session | None:
        """A session, living or ended, whoever asks."""
        with self._db.reading() as connection:
            return SessionRepository(connection, self._ring).find(session_id)

    def list(self, call: Call, subject: str, request: PageRequest) -> Page[Session]:
        """A page of the subject's living sessions, newest first. Raises PermissionDenied."""
        self._access.require(call.principal, permission="sessions.list", path=f"/{subject}")

        def read(after: Sequence[str] | None, limit: int) -> list[Session]:
            before = UUID(after[0]) if after else None
            with self._db.reading() as connection:
                return SessionRepository(connection, self._ring).list_living(subject, before, limit)

        page = self._pager.page(request, read, lambda session: (str(session.id),))
        for session, seen in zip(page.items, self._seen.last_seen(page.items), strict=True):
            session.last_seen_time = seen
        return page

    def revoke(self, call: Call, session_id: UUID) -> Committed[Session]:
        """Ends a session that the caller may end; ending it twice is no error.

        Raises PermissionDenied before SessionNotFound.
        """
        self._visible(call, session_id, "sessions.revoke")
        with self._db.transaction(call) as tx:
            session, now = self._sessions(tx).get_for_update(session_id)
            if session.revoke_time is None:
                self._end(tx, session, now)
                tx.record(SessionRevokedEvent(session.subject, {"session": session.name}))
            return tx.commit(session)

    def revoke_all(self, call: Call, subject: str) -> Committed[int]:
        """Ends every session of the subject; answers how many. Raises PermissionDenied."""
        self._access.require(call.principal, permission="sessions.revoke", path=f"/{subject}")
        with self._db.transaction(call) as tx:
            return tx.commit(self.end_all(tx, subject))

    def require_living(self, tx: Tx, name: str) -> None:
        """The session lives, and nobody ends it before the transaction. Raises SessionRevoked."""
        found = self._sessions(tx).find_for_update(names.session_id(name))
        if found is None or not found[0].lives(found[1]):
            raise SessionRevoked

    def end(self, tx: Tx, session_id: UUID) -> None:
        """Ends a session within another's transaction; one that has ended or is gone stays so."""
        found = self._sessions(tx).find_for_update(session_id)
        if found is not None and found[0].revoke_time is None:
            session, now = found
            self._end(tx, session, now)
            tx.record(SessionRevokedEvent(session.subject, {"session": session.name}))

    def end_all(self, tx: Tx, subject: str, *, keep: str | None = None) -> int:
        """Ends the subject's sessions but the one named `keep`, within another's transaction."""
        sessions = self._sessions(tx)
        kept = names.session_id(keep) if keep else None
        now = sessions.now()
        ended = sessions.revoke_all(subject, kept, now)
        for session_id, token_expire_time in ended:
            _tell(tx, session_id, token_expire_time)
            tx.record(SessionRevokedEvent(subject, {"session": names.session(session_id)}))
        return len(ended)

    def end_for_good(self, tx: Tx, subject: str) -> None:
        """The same for a subject that is going away and never comes back."""
        self.end_all(tx, subject)
        tx.change(ChangeKind.SUBJECT_REVOKED, subject, self._sessions(tx).now() + _LONGEST_TOKEN)

    def _key_ends(self, now: datetime, carried: datetime) -> tuple[datetime, datetime]:
        """When the tokens of a key's session end, at `carried` at least, and when it ends itself.

        The key proves itself at each exchange, so its session ends only when it is left idle.
        """
        tokens = max(carried, now + 2 * self._lifetimes.access_token)
        return tokens, max(now + self._lifetimes.idle, tokens)

    def _end(self, tx: Tx, session: Session, now: datetime) -> None:
        session.revoke_time = now
        self._sessions(tx).revoke(session.id, now)
        _tell(tx, session.id, session.token_expire_time)

    def _visible(self, call: Call, session_id: UUID, permission: str) -> Session:
        """One answer, whether a session is another's or is not there, to those who may not know."""
        session = self.find(session_id)
        path = f"/{session.subject}" if session else "/"
        if not self._access.allows(call.principal.subject, permission, path):
            raise PermissionMissing(permission, f"/{names.session(session_id)}")
        if session is None:
            raise SessionNotFound(names.session(session_id))
        return session

    def _sessions(self, tx: Tx) -> SessionRepository:
        return SessionRepository(tx.connection, self._ring)


def _new(
    tx: Tx,
    subject: str,
    device: str,
    scopes: frozenset[str],
    now: datetime,
    *,
    expire_time: datetime,
    end_time: datetime,
    token_expire_time: datetime,
) -> Session:
    return Session(
        id=names.new_id(),
        subject=subject,
        device=device,
        peer_address=tx.call.peer,
        scopes=scopes,
        create_time=now,
        expire_time=expire_time,
        end_time=end_time,
        token_expire_time=token_expire_time,
        refresh_time=now,
        refresh_key=refresh_tokens.new_key(),
    )


def _tell(tx: Tx, session_id: UUID, token_expire_time: datetime) -> None:
    """Verifiers must refuse the session until its last access token has expired."""
    tx.change(ChangeKind.SESSION_REVOKED, names.session(session_id), token_expire_time)


def _opened(session: Session) -> Opened:
    token = refresh_tokens.derive(session.id, session.refresh_key, session.generation)
    return Opened(session, token)
