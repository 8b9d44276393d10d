"""How long a replica goes on allowing what another has already ended."""

import threading
from collections.abc import Callable
from time import perf_counter, sleep

import grpc
from gatehouse.access.v1 import access_service_pb2 as access_pb
from gatehouse.access.v1 import access_service_pb2_grpc as access_rpc
from gatehouse.auth.v1 import auth_service_pb2 as auth_pb
from gatehouse.auth.v1 import auth_service_pb2_grpc as auth_rpc
from gatehouse.sessions.v1 import session_service_pb2 as sessions_pb
from gatehouse.sessions.v1 import session_service_pb2_grpc as sessions_rpc

from bench.access import Access
from bench.gatehouse import ADMIN, Gatehouse
from bench.load.python_client import measured
from bench.outcome import Budget, Outcome, Refused
from bench.rounds import Measured
from bench.stage import Stage
from service.embedded.running import open_stores

_TIMES, _TIMES_QUICK = 300, 60
_LATEST = 10.0
_ACCOUNT = "serviceAccounts/leaver"
_ROLE = "roles/documents-reader"
_PERMISSION = "documents.read"


class Revocation:
    """Two `gatehouse serve` on one PostgreSQL and one Valkey: ended at one, asked at the other."""

    name = "revoke"
    about = "revoked at one replica, refused at another"

    def measure(self, stage: Stage) -> list[Outcome]:
        """A session and a grant, each ended many times over."""
        times = _TIMES_QUICK if stage.quick else _TIMES
        # Cheap hashes: every session needs a sign-in, and none is measured here.
        with Gatehouse(BCRYPT_COST="4") as here, _replica_of(here) as there:
            stage.say(f"ending {times} sessions")
            sessions = _lags([_end_session(here, there) for _ in range(times)])
            access = Access(here)
            access.create_role(_ROLE, [_PERMISSION])
            access.create_account(_ACCOUNT)
            stage.say(f"taking {times} grants back")
            grants = _lags([_end_grant(there, access, number) for number in range(times)])
        return [
            self._outcome("RevokeSession → refused on another replica", sessions),
            self._outcome("DeleteGrant → denied on another replica", grants),
        ]

    def _outcome(self, work: str, found: Measured) -> Outcome:
        return Outcome(
            self.name,
            work,
            found.p99,
            "ms, p99",
            Budget(100, at_least=False, unit="ms"),
            notes=[
                f"{found.calls} times, p50 {found.p50:.1f} ms",
                "from the one's answer to the other's first refusal, asked for without a pause",
                "both servers, PostgreSQL, Valkey and the load all on all cores",
            ],
            rounds=[{"ours": vars(found)}],
        )


def _replica_of(server: Gatehouse) -> Gatehouse:
    """Another server on the same stores and with the same keys."""
    with open_stores(server.data_dir) as stores:
        return Gatehouse(
            BCRYPT_COST="4",
            DATABASE_URL=stores.database_url.replace("+psycopg", ""),
            REDIS_URL=stores.redis_url,
            ENCRYPTION_KEYS=(server.data_dir / "encryption.keys").read_text().strip(),
        )


def _end_session(here: Gatehouse, there: Gatehouse) -> float:
    tokens = here.sign_in(ADMIN)
    who = auth_rpc.AuthServiceStub(there.channel)
    bearer = (("authorization", f"Bearer {tokens.access_token}"),)

    def passes() -> bool:
        try:
            who.WhoAmI(auth_pb.WhoAmIRequest(), metadata=bearer, timeout=10)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                return False
            raise
        return True

    request = sessions_pb.RevokeSessionRequest(name=tokens.session)
    sessions = sessions_rpc.SessionServiceStub(here.channel)
    return _lag(passes, lambda: sessions.RevokeSession(request, metadata=here.as_admin, timeout=10))


def _end_grant(there: Gatehouse, access: Access, number: int) -> float:
    path = f"/revoked/{number}"
    grant = access.grant(path, _ROLE, _ACCOUNT)
    checks = access_rpc.AccessServiceStub(there.channel)
    request = access_pb.CheckAccessRequest(subject=_ACCOUNT, permission=_PERMISSION, path=path)

    def passes() -> bool:
        return checks.CheckAccess(request, metadata=there.as_admin, timeout=10).allowed

    return _lag(passes, lambda: access.take_back(grant))


def _lag(passes: Callable[[], bool], end: Callable[[], object]) -> float:
    """Seconds from the end's answer to the first refusal. Raises Refused when there is none."""
    deadline = perf_counter() + _LATEST
    while not passes():
        if perf_counter() > deadline:
            raise Refused("what is to be ended never began on the other replica")
    refused_at: list[float] = []

    def ask() -> None:
        while perf_counter() < deadline:
            if not passes():
                refused_at.append(perf_counter())
                return

    asking = threading.Thread(target=ask)
    asking.start()
    sleep(0.005)
    end()
    answered = perf_counter()
    asking.join()
    if not refused_at:
        raise Refused(f"the other replica still allowed it after {_LATEST:g} s")
    return max(0.0, refused_at[0] - answered)


def _lags(lags: list[float]) -> Measured:
    return measured(lags, sum(lags))
