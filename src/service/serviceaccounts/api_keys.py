"""What one can do with API keys: make, see and revoke them, and sign in with one.

The tokens of a key belong to one session. It is opened when the key is first used, and again when
it is over: left idle, or ended with a suspension or by somebody. Whoever ends what a key gives ends
its session, under the lock by which it is opened, so a living session vouches for key and account.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from service.access.delegation import require_rights_of
from service.access.errors import ScopeMissing
from service.kernel import names
from service.kernel.call import Call, Committed
from service.kernel.clock import Clock
from service.kernel.errors import InvalidArgument
from service.serviceaccounts import key_secrets
from service.serviceaccounts.errors import ApiKeyInvalid, ServiceAccountNotFound
from service.serviceaccounts.key_repository import ApiKeyRepository
from service.serviceaccounts.models import (
    ApiKey,
    ApiKeyCreated,
    ApiKeyRevoked,
    IssuedKey,
    KeySignIn,
    State,
)
from service.serviceaccounts.repository import ServiceAccountRepository
from service.sessions.models import Session
from service.sessions.service import SessionService
from service.storage.database import Database, Tx
from service.storage.pages import Page, Pager, PageRequest

_USE_IS_KEPT_EVERY = timedelta(minutes=1)


class ApiKeyService:
    """The API keys of service accounts."""

    def __init__(
        self, database: Database, clock: Clock, pager: Pager, sessions: SessionService
    ) -> None:
        self._db = database
        self._clock = clock
        self._pager = pager
        self._sessions = sessions

    def create(
        self, call: Call, account: str, scopes: Collection[str], expire_time: datetime | None
    ) -> Committed[IssuedKey]:
        """A new key for the scopes, or for those of the caller's token if there are none.

        Raises ScopeMissing, InvalidArgument for an end in the past, ServiceAccountNotFound,
        NotHeld.
        """
        for scope in sorted(scopes):
            if not call.principal.carries(scope):
                raise ScopeMissing(scope)
        now = self._clock.now()
        if expire_time is not None and expire_time <= now:
            raise InvalidArgument.field("expire_time", "must be in the future")
        key_id = names.new_id()
        secret = key_secrets.new(key_id)
        key = ApiKey(
            id=key_id,
            service_account=account,
            prefix=key_secrets.shown(secret),
            secret_hash=key_secrets.digest(secret),
            scopes=frozenset(scopes) or call.principal.scopes,
            create_time=now,
            expire_time=expire_time,
        )
        with self._db.transaction(call) as tx:
            ServiceAccountRepository(tx.connection).get_for_share(account)
            ApiKeyRepository(tx.connection).insert(key)
            tx.record(ApiKeyCreated(account, _told(key)))
            require_rights_of(tx, account, by="serviceaccounts.create_key")
            return tx.commit(IssuedKey(key, secret))

    def list(self, account: str, request: PageRequest) -> Page[ApiKey]:
        """A page of a service account's keys, newest first, those that work no more among them.

        Raises ServiceAccountNotFound, InvalidPageToken.
        """

        def read(after: Sequence[str] | None, limit: int) -> list[ApiKey]:
            before = UUID(after[0]) if after else None
            with self._db.reading() as connection:
                ServiceAccountRepository(connection).get(account)
                return ApiKeyRepository(connection).list(account, before, limit)

        return self._pager.page(request, read, lambda key: (str(key.id),))

    def revoke(self, call: Call, account: str, key_id: UUID) -> Committed[ApiKey]:
        """Revokes a key and ends its session; doing so twice is no error. Raises ApiKeyNotFound."""
        with self._db.transaction(call) as tx:
            keys = ApiKeyRepository(tx.connection)
            key = keys.get_for_update(account, key_id)
            if key.revoke_time is None:
                key.revoke_time = self._clock.now()
                keys.revoke(key.id, key.revoke_time)
                tx.record(ApiKeyRevoked(account, {"key": key.name}))
                if key.session_id is not None:
                    self._sessions.end(tx, key.session_id)
            return tx.commit(key)

    def sign_in(self, call: Call, secret: str, *, until: datetime) -> KeySignIn:
        """What the key gives, good until `until` unless the key ends before.

        Usually two reads; rarely a session must be opened or prolonged. Raises ApiKeyInvalid.
        """
        key_id, digest = key_secrets.read(secret), key_secrets.digest(secret)
        with self._db.reading() as connection:
            key = ApiKeyRepository(connection).find(key_id)
        if key is None:
            raise ApiKeyInvalid
        now = self._clock.now()
        if not key.is_opened_by(digest) or not key.works(now):
            raise ApiKeyInvalid(key.service_account, key.name)
        until = min(until, key.expire_time or until)
        session = self._sessions.find(key.session_id) if key.session_id else None
        if session is None or not session.carries(until, now):
            session = self._renew(call, key, until)
        if key.last_used_time is None or now - key.last_used_time >= _USE_IS_KEPT_EVERY:
            self._note_use(call, key, now)
        return KeySignIn(key.service_account, session.name, key.scopes, until)

    def _renew(self, call: Call, key: ApiKey, until: datetime) -> Session:
        """The key's session with more time, or another one where it is over."""
        refusal = ApiKeyInvalid(key.service_account, key.name)
        with self._db.transaction(call) as tx:
            self._require_active(tx, key.service_account, refusal)
            keys = ApiKeyRepository(tx.connection)
            current = keys.find_for_update(key.id)
            if current is None or not current.works(self._clock.now()):
                raise refusal
            session = None
            if current.session_id is not None:
                session = self._sessions.prolong(tx, current.session_id, until)
            if session is None:
                session = self._sessions.open_for_key(
                    tx, key.service_account, device=f"API key {key.prefix}", scopes=key.scopes
                )
                keys.set_session(key.id, session.id)
            return tx.commit(session).value

    def _require_active(self, tx: Tx, account: str, refusal: ApiKeyInvalid) -> None:
        """Nobody suspends or deletes the account before the transaction ends."""
        try:
            found = ServiceAccountRepository(tx.connection).get_for_share(account)
        except ServiceAccountNotFound:
            raise refusal from None
        if found.state is not State.ACTIVE:
            raise refusal

    def _note_use(self, call: Call, key: ApiKey, now: datetime) -> None:
        with self._db.transaction(call) as tx:
            keys = ApiKeyRepository(tx.connection)
            keys.note_use(key.id, now, unless_since=now - _USE_IS_KEPT_EVERY)
            tx.commit(None)


def _told(key: ApiKey) -> dict[str, object]:
    return {
        "key": key.name,
        "scopes": sorted(key.scopes),
        "expire_time": key.expire_time.isoformat() if key.expire_time else None,
    }
