"""Signing in at an identity provider (OpenID Connect)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

import structlog

from service.access.errors import LastOwner, TooManyGroups
from service.auth import federated_state
from service.auth.attempts import SignInAttempts
from service.auth.counters import Counters
from service.auth.errors import (
    Cause,
    FederatedLoginRefused,
    ProviderUnavailable,
    SignInThrottled,
    UnknownProvider,
)
from service.auth.federated_state import BegunLogin
from service.auth.models import (
    EVERYTHING,
    FederatedPerson,
    IdentityLinked,
    SignedIn,
    SignInRefused,
    SignInSucceeded,
)
from service.auth.providers import Provider
from service.auth.tokens import AccessTokens
from service.auth.used_state_repository import UsedStateRepository
from service.groups.service import GroupService
from service.kernel.call import Call
from service.kernel.clock import Clock
from service.kernel.conflicts import retried
from service.kernel.crypto import KeyRing
from service.kernel.emails import same_mailbox
from service.kernel.errors import Conflict, InvalidArgument
from service.sessions.models import Opened
from service.sessions.service import SessionService
from service.storage.database import Database, Tx
from service.users.errors import EmailTaken, UserNotFound
from service.users.identities import Identities
from service.users.models import NewUser, State, User
from service.users.service import UserService

if TYPE_CHECKING:
    from service.auth.oidc import RelyingParty

log = structlog.get_logger("gatehouse.federation")


class FederationService:
    """Sign-ins at the providers in the settings, `parties` by id."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        clock: Clock,
        attempts: SignInAttempts,
        users: UserService,
        identities: Identities,
        groups: GroupService,
        sessions: SessionService,
        tokens: AccessTokens,
        parties: "Mapping[str, RelyingParty]",
        counters: Counters,
    ) -> None:
        self._db = database
        self._ring = ring
        self._clock = clock
        self._attempts = attempts
        self._users = users
        self._identities = identities
        self._groups = groups
        self._sessions = sessions
        self._parties = parties
        self._tokens = tokens
        self._counters = counters

    def begin(
        self, call: Call, provider: str, redirect_uri: str, challenge: str
    ) -> tuple[str, str]:
        """Where to send the person's browser, and the state that it must bring back.

        `challenge` is of the caller's secret (RFC 7636, S256), or empty.

        Raises UnknownProvider, InvalidArgument, SignInThrottled, ProviderUnavailable.
        """
        self._admit(call)
        party = self._parties.get(provider)
        if party is None:
            raise UnknownProvider
        if redirect_uri not in party.provider.redirect_uris:
            raise InvalidArgument.field(
                "redirect_uri", "must be one of the provider's in the server's settings"
            )
        now = self._clock.timestamp()
        login = BegunLogin.begin(provider, redirect_uri, challenge=challenge, now=now)
        state = federated_state.seal(login, self._ring)
        try:
            return party.authorization_url(login, state), state
        except ProviderUnavailable as error:
            self._give_up(party.provider, error)

    def complete(
        self, call: Call, state: str, code: str, issuer: str, verifier: str, device: str
    ) -> SignedIn:
        """Signs in whom the provider has signed in, with a session of their own.

        `verifier` is the secret of whoever began, or empty as the challenge was.

        Raises FederatedLoginRefused, the same whatever the cause; SignInThrottled,
        ProviderUnavailable.
        """
        self._admit(call)
        provider = ""
        try:
            login, used = federated_state.unseal(state, self._ring, now=self._clock.timestamp())
            provider = login.provider
            party = self._party(login)
            login.require_begun_by(verifier)
            try:
                person = party.redeem(login, code, issuer)
            except ProviderUnavailable as error:
                self._give_up(party.provider, error)
            opened = retried(
                lambda: self._sign_in(call, party.provider, person, used, login.expires, device)
            )
        except FederatedLoginRefused as refusal:
            self._refuse(call, provider, refusal)
        self._counters.federated_logins("accepted")
        return self._tokens.of(opened)

    def _party(self, login: BegunLogin) -> "RelyingParty":
        """With whom it was begun, unless the settings say otherwise by now."""
        party = self._parties.get(login.provider)
        if party is None or login.redirect_uri not in party.provider.redirect_uris:
            raise FederatedLoginRefused(Cause.STATE)
        return party

    def _sign_in(
        self,
        call: Call,
        provider: Provider,
        person: FederatedPerson,
        used: bytes,
        expires: float,
        device: str,
    ) -> Opened:
        """The session. Raises FederatedLoginRefused, and Conflict where another was first."""
        with self._db.transaction(call) as tx:
            if not UsedStateRepository(tx.connection).insert(used, expires):
                raise FederatedLoginRefused(Cause.STATE_USED)
            user = self._identified(tx, person) or self._new_here(tx, provider, person)
            if user.state is State.SUSPENDED:
                raise FederatedLoginRefused(Cause.SUSPENDED, subject=user.subject)
            opened = self._sessions.open(tx, user.subject, device=device, scopes=EVERYTHING)
            data = {"session": opened.session.name, "provider": provider.id}
            tx.record(SignInSucceeded(user.subject, data))
            self._align_groups(tx, provider, person, user)
            return tx.commit(opened).value

    def _identified(self, tx: Tx, person: FederatedPerson) -> User | None:
        """Whose identity it is already, if anybody's."""
        user_id = self._identities.find_user(tx, person.issuer, person.subject)
        if user_id is None:
            return None
        try:
            user = self._users.lock(tx, user_id)
        except UserNotFound:  # deleted just now, and the identity with them
            raise Conflict from None
        if self._identities.find_user(tx, person.issuer, person.subject) is None:
            raise Conflict  # unlinked before we had the lock
        return user

    def _new_here(self, tx: Tx, provider: Provider, person: FederatedPerson) -> User:
        """Who signs in with this identity from now on: who has the address, else a new user."""
        if not person.verified_email:
            raise FederatedLoginRefused(Cause.EMAIL_UNVERIFIED)
        user = self._users.lock_by_email(tx, person.verified_email)
        activated: dict[str, object] = {}
        if user is None:
            user = self._create(tx, provider, person)
        else:
            self._require_linkable(tx, provider, person, user)
            activated = self._users.vouch(tx, user)
        self._identities.link(tx, user.id, person.issuer, person.subject)
        tx.record(IdentityLinked(user.subject, {"provider": provider.id} | activated))
        return user

    def _create(self, tx: Tx, provider: Provider, person: FederatedPerson) -> User:
        """A user whose address is verified only by a provider that may open accounts by it."""
        if not provider.create_users:
            raise FederatedLoginRefused(Cause.NO_ACCOUNT)
        new = NewUser(person.verified_email, person.display_name)
        try:
            return self._users.add(
                tx, new, None, has_identity=True, email_verified=provider.link_verified_email
            )
        except EmailTaken:  # since we looked, by somebody else with the address
            raise Conflict from None

    def _require_linkable(
        self, tx: Tx, provider: Provider, person: FederatedPerson, user: User
    ) -> None:
        """The account may be opened by whoever has its address at the provider.

        Not one that somebody could sign in to who never showed to read that mail, since they may
        have made it to lie in wait; nor one that is somebody else's at the same provider, as when
        an address was given to a new colleague. Raises FederatedLoginRefused.
        """
        cause = None
        if not provider.link_verified_email or not same_mailbox(user.email, person.verified_email):
            cause = Cause.NOT_LINKED
        elif user.state is not State.PENDING and not user.email_verified:
            cause = Cause.ACCOUNT_UNVERIFIED
        elif self._identities.has_one(tx, user.id, person.issuer):
            cause = Cause.OTHER_IDENTITY
        if cause is not None:
            raise FederatedLoginRefused(cause, subject=user.subject)

    def _align_groups(
        self, tx: Tx, provider: Provider, person: FederatedPerson, user: User
    ) -> None:
        """Who is not in the groups that the provider says is not signed in either."""
        if not provider.groups:
            return
        among = set(provider.groups.values())
        try:
            self._groups.align(tx, user.subject, person.groups, among=among)
        except LastOwner:
            raise FederatedLoginRefused(Cause.LAST_OWNER, subject=user.subject) from None
        except TooManyGroups:
            raise FederatedLoginRefused(Cause.TOO_MANY_GROUPS, subject=user.subject) from None

    def _admit(self, call: Call) -> None:
        try:
            self._attempts.admit_address(call)
        except SignInThrottled:
            self._counters.federated_logins("throttled")
            raise

    def _give_up(self, provider: Provider, error: ProviderUnavailable) -> NoReturn:
        self._counters.federated_logins("unavailable")
        log.warning("identity provider unavailable", provider=provider.id, why=error.why)
        raise error

    def _refuse(self, call: Call, provider: str, refusal: FederatedLoginRefused) -> NoReturn:
        self._counters.federated_logins("refused")
        data = {"provider": provider, "cause": refusal.cause}
        with self._db.transaction(call) as tx:
            tx.record(SignInRefused(refusal.subject, data))
            tx.commit(None)
        raise refusal
