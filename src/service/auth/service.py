"""What one can do to be known: sign in, refresh, sign out, and ask whom a token stands for."""

from collections.abc import Collection
from datetime import timedelta
from typing import NoReturn

from service.access.errors import ScopeMissing
from service.access.service import AccessService
from service.auth.attempts import SignInAttempts
from service.auth.counters import Counters
from service.auth.errors import InvalidCredentials, NoPassword, SignInThrottled
from service.auth.keys import SigningKeys
from service.auth.models import (
    EVERYTHING,
    AccessToken,
    Identity,
    SignedIn,
    SigningKey,
    SignInSucceeded,
    TokenExchanged,
)
from service.auth.tokens import AccessTokens
from service.kernel import names
from service.kernel.call import Call, Committed
from service.kernel.clock import Clock
from service.kernel.errors import Unauthenticated
from service.kernel.principal import Principal, covers
from service.serviceaccounts.api_keys import ApiKeyService
from service.serviceaccounts.errors import ApiKeyInvalid
from service.serviceaccounts.service import ServiceAccountService
from service.sessions.errors import RefreshTokenReused
from service.sessions.service import SessionService
from service.storage.database import Database
from service.users.models import Credentials
from service.users.passwords import PasswordHasher
from service.users.service import UserService


class AuthService:
    """Sign-in and tokens."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        keys: SigningKeys,
        tokens: AccessTokens,
        attempts: SignInAttempts,
        hasher: PasswordHasher,
        users: UserService,
        service_accounts: ServiceAccountService,
        api_keys: ApiKeyService,
        sessions: SessionService,
        access: AccessService,
        *,
        records_exchanges: bool,
        counters: Counters,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = keys
        self._tokens = tokens
        self._attempts = attempts
        self._hasher = hasher
        self._users = users
        self._service_accounts = service_accounts
        self._api_keys = api_keys
        self._sessions = sessions
        self._access = access
        self._records_exchanges = records_exchanges
        self._counters = counters

    def login(self, call: Call, email: str, password: str, device: str) -> SignedIn:
        """Signs a person in with a session of their own.

        Raises InvalidCredentials, the same and after the same time whether the account is unknown,
        suspended or the password wrong; SignInThrottled.
        """
        self._admit(call, email)
        credentials = self._users.find_credentials(email)
        verified = self._hasher.verify(password, credentials.password_hash if credentials else None)
        if credentials is None or not verified.right:
            self._refuse_sign_in(call, credentials)
        opened = None
        with self._db.transaction(call) as tx:
            if self._users.still_opens(tx, credentials, new_hash=verified.new_hash):
                subject = names.user(credentials.user_id)
                opened = self._sessions.open(tx, subject, device=device, scopes=EVERYTHING)
                tx.record(SignInSucceeded(subject, {"session": opened.session.name}))
                tx.commit(None)
        if opened is None:
            self._refuse_sign_in(call, credentials)
        self._attempts.welcome(call, email)
        self._counters.logins("accepted")
        return self._tokens.of(opened)

    def refresh(self, call: Call, refresh_token: str) -> SignedIn:
        """The next pair of tokens. Raises RefreshTokenInvalid, RefreshTokenReused."""
        try:
            opened = self._sessions.refresh(call, refresh_token)
        except RefreshTokenReused:
            self._counters.refreshes("stolen")
            raise
        except Unauthenticated:
            self._counters.refreshes("refused")
            raise
        self._counters.refreshes("accepted")
        return self._tokens.of(opened)

    def logout(self, call: Call) -> None:
        """Ends the caller's session."""
        self._sessions.revoke(call, names.session_id(call.principal.session))

    def exchange_api_key(self, call: Call, secret: str, scopes: Collection[str]) -> SignedIn:
        """A token of the key's service account, for `scopes` or else for all of the key's.

        Raises ApiKeyInvalid, the same whatever is wrong with the key; ScopeMissing.
        """
        until = self._clock.now() + self._tokens.lifetime
        try:
            signed_in = self._api_keys.sign_in(call, secret, until=until)
        except ApiKeyInvalid as refusal:
            self._refuse_api_key(call, refusal)
        access = self._tokens.issue(
            signed_in.service_account,
            signed_in.session,
            _within(signed_in.scopes, scopes),
            until=signed_in.until,
        )
        self._note_exchange(call, signed_in.service_account, access)
        return SignedIn(access)

    def exchange(
        self, call: Call, scopes: Collection[str], audience: str, lifetime: timedelta | None
    ) -> SignedIn:
        """A token that is no wider and lives no longer than the caller's (RFC 8693).

        Raises ScopeMissing.
        """
        caller = call.principal
        wanted = _within(caller.scopes, scopes)
        now = self._clock.now()
        left = caller.expire_time - now
        access = self._tokens.issue(
            caller.subject,
            caller.session,
            wanted,
            until=now + min(lifetime or self._tokens.lifetime, left),
            audience=audience,
            actors=_acting(caller),
        )
        self._note_exchange(call, caller.subject, access, audience=audience)
        return SignedIn(access)

    def introspect(self, call: Call, token: str) -> Principal | None:
        """Whom a token stands for; None for a dead or unknown one, or not the caller's to see."""
        try:
            found = self._tokens.inspect(token, any_audience=True)
        except Unauthenticated:
            return None
        may = self._access.allows(call.principal.subject, "tokens.introspect", f"/{found.subject}")
        return found if may else None

    def who_am_i(self, call: Call) -> Identity:
        """Who the caller is."""
        caller = call.principal
        return Identity(
            subject=caller.subject,
            display_name=self._display_name(caller.subject),
            session=caller.session,
            scopes=caller.scopes,
            roles=self._access.roles_of(caller.subject),
            expire_time=caller.expire_time,
        )

    def change_password(self, call: Call, current: str, new: str) -> Committed[None]:
        """Changes the caller's password and ends their other sessions.

        Raises InvalidCredentials, PasswordRejected, NoPassword, SignInThrottled.
        """
        if not names.is_user(call.principal.subject):
            raise NoPassword
        # Once done, the current password of a repeated request is no longer the current one.
        self._db.answer_repeat(call)
        user = self._users.get(names.user_id(call.principal.subject))
        self._admit(call, user.email)
        credentials = self._users.find_credentials(user.email)
        if credentials is None or credentials.password_hash is None:
            raise NoPassword
        if not self._hasher.verify(current, credentials.password_hash).right:
            self._refuse_sign_in(call, credentials)
        return self._users.change_password(
            call, user, new, field="new_password", checked=credentials
        )

    def verification_keys(self) -> list[SigningKey]:
        """The keys that verify access tokens."""
        return self._keys.all()

    def _admit(self, call: Call, email: str) -> None:
        try:
            self._attempts.admit(call, email)
        except SignInThrottled:
            self._counters.logins("throttled")
            raise

    def _refuse_sign_in(self, call: Call, credentials: Credentials | None) -> NoReturn:
        self._counters.logins("refused")
        self._attempts.record(call, names.user(credentials.user_id) if credentials else "")
        raise InvalidCredentials

    def _note_exchange(
        self, call: Call, subject: str, access: AccessToken, *, audience: str = ""
    ) -> None:
        if self._records_exchanges:
            told = {"scopes": sorted(access.scopes), "audience": audience}
            with self._db.transaction(call) as tx:
                tx.record(TokenExchanged(subject, {"session": access.session, **told}))
                tx.commit(None)
        self._counters.exchanges("accepted")

    def _refuse_api_key(self, call: Call, refusal: ApiKeyInvalid) -> NoReturn:
        self._counters.exchanges("refused")
        if refusal.service_account:
            self._attempts.refuse_key(call, refusal.key, refusal.service_account)
        raise refusal

    def _display_name(self, subject: str) -> str:
        if names.is_user(subject):
            return self._users.recall(subject).display_name
        return self._service_accounts.recall(subject).display_name


def _within(held: frozenset[str], wanted: Collection[str]) -> frozenset[str]:
    """The scopes wanted, or else all that are held. Raises ScopeMissing for one that is not."""
    for scope in sorted(wanted):
        if not covers(held, scope):
            raise ScopeMissing(scope)
    return frozenset(wanted) or held


def _acting(caller: Principal) -> tuple[str, ...]:
    """Who acts, newest first. Who acts again is named once, or a token could grow without end."""
    if caller.actors[:1] == (caller.subject,):
        return caller.actors
    return (caller.subject, *caller.actors)
