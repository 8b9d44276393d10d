"""A service of somebody else's, protected, with a small Gatehouse behind it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from gatehouse.access.v1.access_service_pb2_grpc import add_AccessServiceServicer_to_server
from gatehouse.auth.v1.auth_service_pb2_grpc import add_AuthServiceServicer_to_server

from gatehouse_client import Refusal, connect
from gatehouse_client.server import (
    AioAuthInterceptor,
    Authenticated,
    AuthInterceptor,
    Permission,
    Public,
    Rule,
)
from tests.support.waiting import wait_until
from tests.unit.client.server.small_gatehouse import (
    AUDIENCE,
    ISSUER,
    SmallGatehouse,
)
from tests.unit.client.server.trial_service import (
    KINDS,
    SERVICE,
    Trial,
    TrialClient,
    served,
    served_aio,
)

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT

READ = Permission("notes.read", "/notes/{value}", scope="notes:read")
RULES: dict[str, Rule] = {
    f"/{SERVICE}/Ask": READ,
    f"/{SERVICE}/Listen": READ,
    f"/{SERVICE}/Tell": READ,
    f"/{SERVICE}/Talk": READ,
    f"/{SERVICE}/ReadAndWrite": READ,
    f"/{SERVICE}/Open": Public(),
    f"/{SERVICE}/Whoever": Authenticated(),
}
GUARDED = [name for name, kind in KINDS.items() if RULES.get(f"/{SERVICE}/{name}") is READ]


@dataclass
class Protected:
    """The service, its client with a good token, and the Gatehouse behind it."""

    gatehouse: SmallGatehouse
    trial: Trial
    client: TrialClient
    guard: Any


@pytest.fixture
def gatehouse() -> SmallGatehouse:
    made = SmallGatehouse()
    made.allow("notes.read", "/notes/a")
    made.allow("notes.read", "/notes/wait")
    return made


@pytest.fixture(params=["sync", "aio"])
def protect(
    gatehouse: SmallGatehouse, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    """Serves the trial service under other rules."""
    running = grpc.server(ThreadPoolExecutor(16))
    add_AuthServiceServicer_to_server(gatehouse, running)
    add_AccessServiceServicer_to_server(gatehouse, running)
    address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()

    @contextmanager
    def begin(rules: dict[str, Rule]) -> Iterator[Protected]:
        trial = Trial()
        with connect(address, token=lambda: "the service's own", deadline=None) as channel:
            given = {"issuer": ISSUER, "audience": AUDIENCE}
            guard: Any
            if request.param == "sync":
                guard = AuthInterceptor(channel, rules, **given)
                serving = served(trial, guard)
            else:
                guard = AioAuthInterceptor(channel, rules, **given)
                serving = served_aio(trial, guard)
            with serving as ours, grpc.insecure_channel(ours) as to_ours:
                client = TrialClient(to_ours, gatehouse.token())
                yield Protected(gatehouse, trial, client, guard)
            guard.close()

    yield begin
    gatehouse.hold.set()
    running.stop(None).wait()


@pytest.fixture
def protected(protect: Callable[..., Any]) -> Iterator[Protected]:
    with protect(RULES) as made:
        wait_until(lambda: made.guard._authorizer._feed.begun, "the first word")
        yield made


def refusal_of(call: Callable[[], Any]) -> Refusal:
    """Why a call is refused; a stream is read to its end."""
    try:
        answered = call()
        if not hasattr(answered, "value"):
            list(answered)
    except grpc.RpcError as error:
        return Refusal.of(error)
    raise AssertionError("nothing was refused")


def reason_of(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    refusal = refusal_of(call)
    return refusal.code, refusal.reason.removeprefix("ERROR_REASON_")
