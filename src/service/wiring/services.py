"""The use cases, put together over the stores; nothing here knows that there is a server."""

from typing import TYPE_CHECKING

from service.access.decisions import Decisions
from service.access.graph import Graph
from service.access.policy import Policy
from service.access.service import AccessService
from service.auth.attempts import SignInAttempts
from service.auth.counters import Counters
from service.auth.federation import FederationService
from service.auth.first_admin import FirstAdmin, ensure_first_admin
from service.auth.keys import SigningKeys
from service.auth.mailed_tokens import MailedTokenService
from service.auth.revocation_stream import RevocationStream
from service.auth.service import AuthService
from service.auth.throttle import SignInThrottle
from service.auth.tokens import AccessTokens
from service.events.service import EventService
from service.events.stream import EventStream
from service.files.contents import Contents
from service.files.service import FileService
from service.files.uploads import Uploads
from service.groups.service import GroupService
from service.kernel.call import Call
from service.kernel.clock import Clock
from service.roles.service import RoleService
from service.serviceaccounts.api_keys import ApiKeyService
from service.serviceaccounts.service import ServiceAccountService
from service.sessions.last_seen import LastSeen
from service.sessions.revocations import Revocations
from service.sessions.service import Lifetimes, SessionService
from service.settings import BadSetting, Settings
from service.storage.objects import ObjectStore
from service.storage.pages import Pager
from service.storage.queue import Queue
from service.users.identities import Identities
from service.users.passwords import PasswordHasher
from service.users.service import UserService
from service.webhooks.service import WebhookService
from service.wiring.followed import FollowedStores
from service.wiring.stores import Stores

if TYPE_CHECKING:
    from service.auth.oidc import RelyingParty

_DATABASE_CONNECTIONS = 20
_REDIS_CONNECTIONS = 64
# Uploads and downloads at once.
TRANSFERS = 32
# Calls that wait for an identity provider at once; half of them at most for the same one.
FEDERATED = 16


class Services:
    """The services and what they stand on: `prepare`, `start`, `stop`, in order."""

    def __init__(self, settings: Settings, stores: Stores, counters: Counters) -> None:
        self._settings = settings
        self._stores = followed = FollowedStores(
            stores,
            database_connections=_DATABASE_CONNECTIONS,
            redis_connections=_REDIS_CONNECTIONS,
        )
        ring, self.clock, self.feed = followed.ring, followed.clock, followed.feed
        self.database, self.redis = followed.database, followed.redis

        pager = Pager(ring)
        self.policy = Policy(self.database, self.feed)
        decisions = Decisions(self.policy, self.database, self.feed, self.clock)
        self.graph = Graph(self.database, pager)
        self.access = AccessService(self.database, self.clock, pager, decisions, self.graph)
        self.last_seen = LastSeen(self.redis, self.clock, keep=settings.refresh_token_lifetime)
        self.sessions = SessionService(
            self.database,
            ring,
            self.last_seen,
            pager,
            self.access,
            Lifetimes(
                access_token=settings.access_token_lifetime,
                idle=settings.refresh_token_lifetime,
                absolute=settings.session_lifetime,
                grace=settings.refresh_grace,
            ),
            records_refreshes=settings.audit_tokens,
        )
        revocations = Revocations(self.feed, self.clock)
        self.revocation_stream = RevocationStream(self.database, self.feed, revocations)
        self.events = EventService(self.database, pager)
        self.event_stream = EventStream(self.database, followed.news_of_events)
        self.feed.follow(self.event_stream)
        self.hasher = PasswordHasher(cost=settings.bcrypt_cost)
        identities = Identities(ring)
        self.users = UserService(
            self.database,
            ring,
            self.feed,
            self.clock,
            pager,
            self.hasher,
            self.sessions,
            self.access,
            self.graph,
            identities,
        )
        self.groups = GroupService(self.database, self.clock, pager, self.graph, self.access)
        self.roles = RoleService(self.database, self.clock, pager, self.graph)
        self.service_accounts = ServiceAccountService(
            self.database, self.feed, self.clock, pager, self.sessions, self.graph
        )
        self.api_keys = ApiKeyService(self.database, self.clock, pager, self.sessions)
        self.webhooks = WebhookService(
            self.database,
            ring,
            self.clock,
            pager,
            self.access,
            self.events,
            allow_private=settings.webhook_allow_private,
        )
        self.object_store = object_store_of(settings)
        self.contents = Contents(
            self.object_store, ring, encrypt=settings.file_encryption, streams=TRANSFERS
        )
        self.files = FileService(self.database, self.clock, pager, self.access, self.contents)
        self.uploads = Uploads(
            self.database,
            self.clock,
            self.contents,
            size_limit=settings.file_size_limit,
            quota=settings.file_quota,
        )
        self.keys = SigningKeys(self.database, ring, self.feed)
        self.tokens = AccessTokens(
            self.keys,
            revocations,
            self.sessions,
            self.clock,
            issuer=settings.issuer,
            audience=settings.audience,
            lifetime=settings.access_token_lifetime,
        )
        self.feed.follow(self.tokens)
        rate = settings.login_rate
        throttle = SignInThrottle(
            self.redis, count=rate.count, seconds=rate.seconds, ring=ring, clock=self.clock
        )
        attempts = SignInAttempts(self.database, self.clock, throttle, self.users)
        self.auth = AuthService(
            self.database,
            self.clock,
            self.keys,
            self.tokens,
            attempts,
            self.hasher,
            self.users,
            self.service_accounts,
            self.api_keys,
            self.sessions,
            self.access,
            records_exchanges=settings.audit_tokens,
            counters=counters,
        )
        self.federation = FederationService(
            self.database,
            ring,
            self.clock,
            attempts,
            self.users,
            identities,
            self.groups,
            self.sessions,
            self.tokens,
            relying_parties(settings, self.clock),
            counters,
        )
        self.mailed_tokens = MailedTokenService(self.database, ring, Queue(), attempts, self.users)

    def prepare(self) -> FirstAdmin | None:
        """Makes what a new database lacks: the first admin, if none, and a key to sign with.

        Raises Unavailable, PasswordRejected.
        """
        self.keys.ensure(Call.internal("bootstrap"))
        # Last, because its password is told once: nothing may go wrong after it.
        return ensure_first_admin(
            self.database,
            self.users,
            self.access,
            self.graph,
            self._settings.bootstrap_admin_email,
            self._settings.bootstrap_admin_password,
        )

    def start(self) -> None:
        """Follows the database from now on. Raises Unavailable when PostgreSQL is away."""
        self._stores.start()
        self.last_seen.start()
        self.revocation_stream.start()
        self.event_stream.start()

    def stop(self) -> None:
        """Ends what was started, and closes every connection."""
        self.event_stream.stop()
        self.revocation_stream.stop()
        self.last_seen.stop()
        self.hasher.stop()
        self.contents.stop()
        self._stores.stop()


def relying_parties(settings: Settings, clock: Clock) -> "dict[str, RelyingParty]":
    """This service as a client of each identity provider in the settings, by id."""
    if not settings.oidc_providers:
        return {}
    from service.auth.oidc import RelyingParty  # noqa: PLC0415 - 10 MB that few need

    at_once = FEDERATED // 2
    return {it.id: RelyingParty(it, clock, at_once=at_once) for it in settings.oidc_providers}


def object_store_of(settings: Settings) -> ObjectStore:
    """The store that the settings name. Raises OSError, BadSetting.

    A folder that is named must be there: below the mount point of a disk that is away, a new one
    would take what belongs on that disk.
    """
    try:
        return ObjectStore.open(settings.file_store, make=settings.file_store_url is None)
    except FileNotFoundError as error:
        if not settings.file_store.startswith("file:"):
            raise
        raise BadSetting(
            [f"GATEHOUSE_FILE_STORE_URL: there is no {error.filename}: make it, or mount its disk"]
        ) from None
    except ValueError as error:
        raise BadSetting([f"GATEHOUSE_FILE_STORE_URL cannot be used: {error}"]) from None
