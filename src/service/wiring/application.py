"""The service as it is served: a gRPC server and an ops port over the use cases."""

import sys

from gatehouse.access.v1 import access_service_pb2, access_service_pb2_grpc
from gatehouse.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from gatehouse.events.v1 import event_service_pb2, event_service_pb2_grpc
from gatehouse.files.v1 import file_service_pb2, file_service_pb2_grpc
from gatehouse.groups.v1 import group_service_pb2, group_service_pb2_grpc
from gatehouse.roles.v1 import role_service_pb2, role_service_pb2_grpc
from gatehouse.serviceaccounts.v1 import (
    service_account_service_pb2,
    service_account_service_pb2_grpc,
)
from gatehouse.sessions.v1 import session_service_pb2, session_service_pb2_grpc
from gatehouse.users.v1 import user_service_pb2, user_service_pb2_grpc
from gatehouse.webhooks.v1 import webhook_service_pb2, webhook_service_pb2_grpc

from service.access.servicer import AccessServicer
from service.auth.first_admin import FirstAdmin
from service.auth.keys import jwk
from service.auth.servicer import AuthServicer
from service.events.servicer import EventServicer
from service.files.servicer import FileServicer
from service.groups.servicer import GroupServicer
from service.kernel.errors import Unavailable
from service.ops.access_log import AccessLog
from service.ops.http import OpsServer
from service.ops.logging import log_format
from service.ops.metrics import Instruments, Observers, ServiceMetrics, create_registry
from service.ops.pages import pages
from service.roles.servicer import RoleServicer
from service.serviceaccounts.servicer import ServiceAccountServicer
from service.sessions.servicer import SessionServicer
from service.settings import Settings
from service.transport.methods import Method, methods_of
from service.transport.pipeline import Pipeline
from service.transport.pool import CallPool
from service.transport.rate_limit import RateLimiter
from service.transport.server import create_server, listen, stop
from service.transport.standard import Health, add_channelz, add_reflection
from service.transport.tls import TlsFiles
from service.transport.transfers import Transfers
from service.transport.watching import Senders
from service.users.servicer import UserServicer
from service.webhooks.servicer import WebhookServicer
from service.wiring.services import FEDERATED, TRANSFERS, Services
from service.wiring.stores import Stores

SERVICES = [
    module.DESCRIPTOR.services_by_name[name]
    for module, name in (
        (access_service_pb2, "AccessService"),
        (auth_service_pb2, "AuthService"),
        (event_service_pb2, "EventService"),
        (file_service_pb2, "FileService"),
        (group_service_pb2, "GroupService"),
        (role_service_pb2, "RoleService"),
        (service_account_service_pb2, "ServiceAccountService"),
        (session_service_pb2, "SessionService"),
        (user_service_pb2, "UserService"),
        (webhook_service_pb2, "WebhookService"),
    )
]
# These wait for a password's hash, so they must not take the threads of quick calls.
_HASHING = {
    "/gatehouse.auth.v1.AuthService/Login",
    "/gatehouse.auth.v1.AuthService/ChangePassword",
    "/gatehouse.auth.v1.AuthService/ResetPassword",
    "/gatehouse.users.v1.UserService/CreateUser",
}
_HASHING_THREADS = 32
# These wait for an identity provider, which may be slow.
_FEDERATED = {
    "/gatehouse.auth.v1.AuthService/BeginFederatedLogin",
    "/gatehouse.auth.v1.AuthService/CompleteFederatedLogin",
}
# These are answered from memory. Threads that only compute get in each other's way: with twelve
# of them a call costs a quarter more than with four.
_REMEMBERED = {
    "/gatehouse.access.v1.AccessService/BatchCheckAccess",
    "/gatehouse.access.v1.AccessService/CheckAccess",
    "/gatehouse.auth.v1.AuthService/WhoAmI",
    "/gatehouse.auth.v1.AuthService/IntrospectToken",
    "/gatehouse.auth.v1.AuthService/ExchangeToken",
    "/gatehouse.auth.v1.AuthService/GetJwks",
    "/gatehouse.users.v1.UserService/GetUser",
}
_REMEMBERED_THREADS = 4
# These hold a thread for as long as a client takes to send or read, so they have their own; one
# more is refused rather than kept waiting behind them.
_TRANSFERRING = {
    "/gatehouse.files.v1.FileService/DownloadFile",
    "/gatehouse.files.v1.FileService/UploadFile",
}
_THREADS = 12


class Application:
    """The whole service: `listen`, `prepare`, `serve`, `leave`, `stop`, in order."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._settings = settings
        registry = create_registry()
        metrics = ServiceMetrics(Instruments(registry))
        self.services = services = Services(settings, stores, metrics)
        form = settings.log_format or log_format(sys.stderr)
        self.access_log = AccessLog(sys.stderr.fileno(), form, services.clock)
        observers = Observers(registry, self.access_log)

        quick = CallPool("quick", threads=_REMEMBERED_THREADS, limit=1000)
        calls = CallPool("calls", threads=_THREADS, limit=1000)
        hashing = CallPool("sign-in", threads=_HASHING_THREADS, limit=64)
        federated = CallPool("federation", threads=FEDERATED, limit=64)
        transferring = CallPool("transfers", threads=TRANSFERS, limit=TRANSFERS)
        probes = CallPool("probes", threads=2, limit=10_000)
        reflection = CallPool("reflection", threads=4, limit=1000)
        shed = CallPool("shed", threads=1, limit=10_000)
        self.pools = [quick, calls, hashing, federated, transferring, probes, reflection, shed]

        def pool_of(method: Method) -> CallPool:
            if method.full_name in _HASHING:
                return hashing
            if method.full_name in _FEDERATED:
                return federated
            if method.full_name in _TRANSFERRING:
                return transferring
            return quick if method.full_name in _REMEMBERED else calls

        self.senders = senders = Senders()
        self.transfers = transfers = Transfers()
        # Whoever watches health has no token, so they share nothing with those who have.
        self.health_senders = Senders()
        limit = settings.rate_limit
        self._pipeline = pipeline = Pipeline(
            methods_of(SERVICES),
            authenticator=services.tokens,
            authorizer=services.access,
            throttle=RateLimiter(count=limit.count, seconds=limit.seconds) if limit else None,
            observe=observers.observe,
            pool_of=pool_of,
            shed_pool=shed,
            senders=senders,
            transfers=transfers,
        )
        self.server = server = create_server(calls, [pipeline])
        access = AccessServicer(services.access)
        access_service_pb2_grpc.add_AccessServiceServicer_to_server(access, server)
        auth = AuthServicer(
            services.auth,
            services.federation,
            services.mailed_tokens,
            services.revocation_stream,
        )
        auth_service_pb2_grpc.add_AuthServiceServicer_to_server(auth, server)
        events = EventServicer(services.events, services.event_stream, source=settings.issuer)
        event_service_pb2_grpc.add_EventServiceServicer_to_server(events, server)
        files = FileServicer(services.files, services.uploads)
        file_service_pb2_grpc.add_FileServiceServicer_to_server(files, server)
        groups = GroupServicer(services.groups)
        group_service_pb2_grpc.add_GroupServiceServicer_to_server(groups, server)
        roles = RoleServicer(services.roles)
        role_service_pb2_grpc.add_RoleServiceServicer_to_server(roles, server)
        accounts = ServiceAccountServicer(services.service_accounts, services.api_keys)
        service_account_service_pb2_grpc.add_ServiceAccountServiceServicer_to_server(
            accounts, server
        )
        sessions = SessionServicer(services.sessions)
        session_service_pb2_grpc.add_SessionServiceServicer_to_server(sessions, server)
        users = UserServicer(services.users)
        user_service_pb2_grpc.add_UserServiceServicer_to_server(users, server)
        webhooks = WebhookServicer(services.webhooks)
        webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server(webhooks, server)

        names = [service.full_name for service in SERVICES]
        self.health = Health(names, probes, self.health_senders)
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
                jwks=self._jwks,
                issuer=settings.issuer,
            ),
            tls=tls.context if tls else None,
        )
        self._show(metrics)

    def listen(self) -> None:
        """Answers probes NOT_SERVING and no calls until `serve`. Raises PortInUse."""
        address = str(self._settings.grpc_address)
        self.grpc_port = listen(self.server, address, self._credentials)
        self.access_log.start()
        self.senders.start()
        self.health_senders.start()
        self.transfers.start()
        self.ops.start()
        self.server.start()

    def prepare(self) -> FirstAdmin | None:
        """Makes what a new database lacks. Raises Unavailable, PasswordRejected."""
        return self.services.prepare()

    def serve(self) -> None:
        """Serves. Raises Unavailable when PostgreSQL is away."""
        self.services.start()
        self._pipeline.open = True
        self.health.start(lambda: self.services.feed.current)

    def leave(self) -> None:
        """Says NOT_SERVING, while still serving whoever comes."""
        self.health.leave()

    def stop(self, grace: float) -> None:
        """Ends streams, lets calls end for `grace` seconds, and closes everything."""
        self.senders.end_all()
        self.health_senders.end_all()
        stop(self.server, self.pools, grace)
        self.ops.stop()
        self.senders.stop()
        self.health_senders.stop()
        self.transfers.stop()
        self.services.stop()
        self.access_log.stop()

    def _jwks(self) -> dict[str, list[dict[str, str]]]:
        # Verifiers keep the set for a while, so an empty one must not be given out.
        if not self._pipeline.open:
            raise Unavailable("The server is starting; retry.")
        return {"keys": [jwk(key) for key in self.services.keys.all()]}

    def _unready(self) -> str:
        if self.health.serving:
            return ""
        return "leaving" if self.health.leaving else "PostgreSQL does not answer"

    def _show(self, metrics: ServiceMetrics) -> None:
        services = self.services
        for calls in self.pools:
            metrics.show_pool(calls)
        metrics.show_cache("users", services.users.remembered)
        metrics.show_cache("policy", services.policy)
        metrics.show_cache("service_accounts", services.service_accounts.remembered)
        metrics.show_cache("tokens", services.tokens)
        metrics.show_database(
            in_use=lambda: services.database.connections_in_use,
            size=lambda: services.database.connections,
            last_read_age=lambda: services.feed.age,
        )
        metrics.show_hashing(
            waiting=lambda: services.hasher.waiting, running=lambda: services.hasher.running
        )
        metrics.show_transfers(
            under_way=lambda: self.transfers.under_way,
            received=lambda: services.contents.written,
            sent=lambda: services.contents.read,
        )
        metrics.show_streams(
            watchers=lambda: self.senders.watchers + self.health_senders.watchers,
            access_lines_dropped=lambda: self.access_log.dropped,
        )
