"""The composition root: every object of the service, built once, in order, from the settings."""

import sys
from dataclasses import dataclass

from gatehouse.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from gatehouse.sessions.v1 import session_service_pb2, session_service_pb2_grpc
from gatehouse.users.v1 import user_service_pb2, user_service_pb2_grpc

from service.access.service import AccessService
from service.auth.first_admin import FirstAdmin, ensure_first_admin
from service.auth.keys import SigningKeys, jwk
from service.auth.revocation_stream import RevocationStream
from service.auth.service import AuthService
from service.auth.servicer import AuthServicer
from service.auth.throttle import SignInThrottle
from service.auth.tokens import AccessTokens
from service.jobs.housekeeping import add_housekeeping
from service.jobs.queue import Worker, create_queue
from service.kernel.call import Call
from service.kernel.clock import Clock
from service.kernel.crypto import KeyRing
from service.ops.access_log import AccessLog
from service.ops.http import OpsServer
from service.ops.logging import log_format
from service.ops.metrics import Instruments, Observers, ServiceMetrics, create_registry
from service.ops.pages import pages
from service.sessions.cache import SessionCache
from service.sessions.revocations import Revocations
from service.sessions.service import Lifetimes, SessionService
from service.sessions.servicer import SessionServicer
from service.settings import Settings
from service.storage.database import Database
from service.storage.feed import ChangeFeed
from service.storage.pages import Pager
from service.storage.redis import create_redis
from service.storage.wakeup import Wakeup
from service.transport.methods import Method, methods_of
from service.transport.pipeline import Pipeline
from service.transport.pool import CallPool
from service.transport.rate_limit import RateLimiter
from service.transport.server import create_server, listen, stop
from service.transport.standard import Health, add_channelz, add_reflection
from service.transport.tls import TlsFiles
from service.transport.watching import Senders
from service.users.passwords import PasswordHasher
from service.users.service import UserService
from service.users.servicer import UserServicer

SERVICES = [
    module.DESCRIPTOR.services_by_name[name]
    for module, name in (
        (auth_service_pb2, "AuthService"),
        (session_service_pb2, "SessionService"),
        (user_service_pb2, "UserService"),
    )
]
# These wait for a password's hash, so they must not take the threads of quick calls.
_HASHING = {"Login", "ChangePassword", "CreateUser"}
_HASHING_THREADS = 32
# These are answered from memory. Threads that only compute get in each other's way: with twelve
# of them a call costs a quarter more than with four.
_REMEMBERED = {"WhoAmI", "IntrospectToken", "ExchangeToken", "GetJwks"}
_REMEMBERED_THREADS = 4
_THREADS = 12


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the data is, and the keys that seal it."""

    database_url: str
    redis_url: str
    ring: KeyRing


class BackgroundWork:
    """The worker and its tasks, with connections of their own; `start` and `stop` once each."""

    def __init__(self, stores: Stores) -> None:
        self._database = Database(stores.database_url, stores.ring, connections=2)
        queue = create_queue(stores.database_url)
        add_housekeeping(queue, self._database)
        self._worker = Worker(queue)

    def start(self) -> None:
        """Starts working the queue off."""
        self._worker.start()

    def stop(self) -> None:
        """Lets what is running end."""
        self._worker.stop()
        self._database.dispose()


class Application:
    """The whole service, put together: `listen`, `prepare`, `serve`, `leave`, `stop`, in order."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._settings = settings
        ring = stores.ring
        lifetimes = Lifetimes(
            access_token=settings.access_token_lifetime,
            idle=settings.refresh_token_lifetime,
            absolute=settings.session_lifetime,
            grace=settings.refresh_grace,
        )

        self.clock = clock = Clock()
        registry = create_registry()
        self.metrics = metrics = ServiceMetrics(Instruments(registry))
        form = settings.log_format or log_format(sys.stderr)
        self.access_log = AccessLog(sys.stderr.fileno(), form, clock)
        self.observers = Observers(registry, self.access_log)

        self.database = database = Database(
            stores.database_url, ring, connections=_THREADS + _HASHING_THREADS // 4
        )
        # The feed has a connection of its own: trust must not wait behind calls.
        self.feed_database = Database(stores.database_url, ring, connections=1)
        self.redis = create_redis(stores.redis_url, pool_size=64)
        self.feed = feed = ChangeFeed(self.feed_database, clock, Wakeup(self.redis), database.adopt)
        database.announce = feed.announce

        pager = Pager(ring)
        self.access = access = AccessService(database, feed)
        self.last_seen = SessionCache(self.redis, clock, keep=settings.refresh_token_lifetime)
        self.sessions = sessions = SessionService(
            database, ring, self.last_seen, pager, access, lifetimes
        )
        revocations = Revocations(feed, clock)
        self.hasher = hasher = PasswordHasher(cost=settings.bcrypt_cost)
        self.users = users = UserService(
            database, ring, feed, clock, pager, hasher, sessions, access
        )
        self.keys = keys = SigningKeys(database, ring, feed)
        tokens = AccessTokens(
            keys,
            revocations,
            sessions,
            clock,
            issuer=settings.issuer,
            audience=settings.audience,
        )
        rate = settings.login_rate
        throttle = SignInThrottle(
            self.redis, count=rate.count, seconds=rate.seconds, ring=ring, clock=clock
        )
        self.auth = auth = AuthService(
            database,
            clock,
            keys,
            tokens,
            throttle,
            hasher,
            users,
            sessions,
            access,
            token_lifetime=settings.access_token_lifetime,
            counters=metrics,
        )
        self.revocation_stream = RevocationStream(database, feed, revocations)

        quick = CallPool("quick", threads=_REMEMBERED_THREADS, limit=1000)
        calls = CallPool("calls", threads=_THREADS, limit=1000)
        hashing = CallPool("sign-in", threads=_HASHING_THREADS, limit=64)
        probes = CallPool("probes", threads=2, limit=10_000)
        reflection = CallPool("reflection", threads=4, limit=1000)
        shed = CallPool("shed", threads=1, limit=10_000)
        self.pools = [quick, calls, hashing, probes, reflection, shed]

        def pool_of(method: Method) -> CallPool:
            if method.name in _HASHING:
                return hashing
            return quick if method.name in _REMEMBERED else calls

        self.senders = senders = Senders()
        limit = settings.rate_limit
        pipeline = Pipeline(
            methods_of(SERVICES),
            authenticator=tokens,
            authorizer=access,
            throttle=RateLimiter(count=limit.count, seconds=limit.seconds) if limit else None,
            observe=self.observers.observe,
            pool_of=pool_of,
            shed_pool=shed,
            senders=senders,
        )
        self.server = server = create_server(calls, [pipeline])
        auth_service_pb2_grpc.add_AuthServiceServicer_to_server(
            AuthServicer(auth, self.revocation_stream), server
        )
        session_service_pb2_grpc.add_SessionServiceServicer_to_server(
            SessionServicer(sessions), server
        )
        user_service_pb2_grpc.add_UserServiceServicer_to_server(UserServicer(users), server)
        names = [service.full_name for service in SERVICES]
        self.health = Health(names, probes, senders)
        self.health.add_to(server)
        if settings.reflection:
            add_reflection(server, names, reflection)
        if settings.channelz:
            add_channelz(server)

        tls = None
        if settings.tls_cert_file and settings.tls_key_file:
            tls = TlsFiles(
                settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file
            )
        self._credentials = tls.grpc_credentials() if tls else None
        self.grpc_port = 0  # until it listens
        self.ops = OpsServer(
            settings.ops_address.host,
            settings.ops_address.port,
            pages(
                registry,
                unready=self._unready,
                jwks=lambda: {"keys": [jwk(key) for key in keys.all()]},
                issuer=settings.issuer,
            ),
            tls=tls.context if tls else None,
        )
        self._show(metrics, tokens)

    def listen(self) -> None:
        """Answers probes NOT_SERVING and no calls until `serve`. Raises PortInUse, OSError."""
        address = str(self._settings.grpc_address)
        self.grpc_port = listen(self.server, address, self._credentials)
        self.access_log.start()
        self.senders.start()
        self.ops.start()
        self.server.start()

    def prepare(self) -> FirstAdmin | None:
        """Makes what a new database lacks: the first admin, if none, and a key to sign with.

        Raises Unavailable, PasswordRejected.
        """
        settings = self._settings
        admin = ensure_first_admin(
            self.database,
            self.users,
            self.access,
            settings.bootstrap_admin_email,
            settings.bootstrap_admin_password,
        )
        self.keys.ensure(Call.internal("bootstrap"))
        return admin

    def serve(self) -> None:
        """Serves. Raises Unavailable when PostgreSQL is away."""
        self.feed.start()
        self.last_seen.start()
        self.revocation_stream.start()
        self.health.start(lambda: self.feed.current)

    def leave(self) -> None:
        """Says NOT_SERVING, while still serving whoever comes."""
        self.health.leave()

    def stop(self, grace: float) -> None:
        """Ends streams, lets calls end for `grace` seconds, and closes everything."""
        self.senders.end_all()
        stop(self.server, self.pools, grace)
        self.ops.stop()
        self.revocation_stream.stop()
        self.senders.stop()
        self.feed.stop()
        self.last_seen.stop()
        self.hasher.stop()
        self.access_log.stop()
        self.database.dispose()
        self.feed_database.dispose()
        self.redis.close()

    def _unready(self) -> str:
        if self.health.serving:
            return ""
        return "leaving" if self.health.leaving else "PostgreSQL does not answer"

    def _show(self, metrics: ServiceMetrics, tokens: AccessTokens) -> None:
        for calls in self.pools:
            metrics.show_pool(calls)
        metrics.show_cache("users", self.users.remembered)
        metrics.show_cache("grants", self.access.remembered)
        metrics.show_cache("tokens", tokens)
        metrics.show_database(
            in_use=lambda: self.database.connections_in_use,
            size=lambda: self.database.connections,
            last_read_age=lambda: self.feed.age,
        )
        metrics.show_hashing(
            waiting=lambda: self.hasher.waiting, running=lambda: self.hasher.running
        )
        metrics.show_streams(
            watchers=lambda: self.senders.watchers,
            access_lines_dropped=lambda: self.access_log.dropped,
        )
