"""Who is let in, who is not, and whom the handler knows.

Every test holds for `grpc.server` and for `grpc.aio.server`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gatehouse_client.server import Authenticated, AuthInterceptor, Public, Rule
from gatehouse_client.server.rules import Rules
from tests.unit.client.server.conftest import (
    GUARDED,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    Protected,
    reason_of,
    refusal_of,
)
from tests.unit.client.server.small_gatehouse import ADA
from tests.unit.client.server.trial_service import SERVICE


@pytest.mark.parametrize("method", GUARDED)
def test_who_may_is_let_in_and_known_to_the_handler(protected: Protected, method: str) -> None:
    answers = protected.client.answers(method, "a")
    assert set(answers) == {f"{ADA} a"}
    [check] = protected.gatehouse.checks
    assert (check.subject, check.permission, check.path) == (ADA, "notes.read", "/notes/a")


@pytest.mark.parametrize("method", ["Tell", "Talk", "ReadAndWrite"])
def test_a_stream_reaches_the_handler_whole(protected: Protected, method: str) -> None:
    said = [it.removeprefix(f"{ADA} ") for it in protected.client.answers(method, "a", "b", "c")]
    assert " ".join(said) == "a b c"


@pytest.mark.parametrize("method", GUARDED)
def test_who_may_not_is_refused_before_the_handler(protected: Protected, method: str) -> None:
    refusal = refusal_of(lambda: protected.client.call(method, "b"))
    assert refusal.code is PERMISSION_DENIED
    assert refusal.reason == "ERROR_REASON_PERMISSION_MISSING"
    assert refusal.metadata == {"permission": "notes.read", "path": "/notes/b"}
    assert refusal.request_id
    assert protected.trial.handled == []


@pytest.mark.parametrize("method", GUARDED)
@pytest.mark.parametrize("metadata", [[], [("authorization", "x")], [("authorization", "Bearer ")]])
def test_without_a_token_nobody_is_let_in(
    protected: Protected, method: str, metadata: list[tuple[str, str]]
) -> None:
    call = partial(protected.client.call, method, "a", metadata=metadata)
    assert reason_of(call) == (UNAUTHENTICATED, "TOKEN_MISSING")


def test_two_tokens_are_none(protected: Protected) -> None:
    good = ("authorization", f"Bearer {protected.gatehouse.token()}")
    call = partial(protected.client.call, "Ask", "a", metadata=[good, good])
    assert reason_of(call) == (UNAUTHENTICATED, "TOKEN_MISSING")


def test_a_method_that_is_not_listed_is_denied_to_everyone(protected: Protected) -> None:
    refused = reason_of(lambda: protected.client.call("Forgotten", "a"))
    assert refused == (PERMISSION_DENIED, "METHOD_NOT_LISTED")
    assert protected.trial.handled == []


def test_a_whole_service_can_be_listed(protect: Callable[..., Any]) -> None:
    with protect({f"/{SERVICE}/*": Authenticated()}) as protected:
        assert protected.client.answers("Forgotten", "x") == [f"{ADA} x"]


def test_a_public_method_takes_no_token_and_knows_no_caller(protected: Protected) -> None:
    assert protected.client.bearing("").answers("Open", "x") == ["nobody"]
    protected.client.answers("Whoever", "x")
    assert protected.client.bearing("").answers("Open", "x") == ["nobody"]


def test_calls_at_the_same_time_know_each_their_own_caller(protected: Protected) -> None:
    names = [f"users/{number}" for number in range(40)]
    clients = [protected.client.bearing(protected.gatehouse.token(sub=name)) for name in names]
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda client: client.answers("Whoever", "x"), clients)
        assert list(answers) == [[f"{name} x"] for name in names]


def test_an_authenticated_method_asks_no_permission(protected: Protected) -> None:
    assert protected.client.answers("Whoever", "x") == [f"{ADA} x"]
    assert protected.gatehouse.checks == []


@pytest.mark.parametrize("scope", ["", "notes:write", "other:read notes:write"])
def test_a_token_without_the_scope_is_refused(protected: Protected, scope: str) -> None:
    client = protected.client.bearing(protected.gatehouse.token(scope=scope))
    assert reason_of(lambda: client.call("Ask", "a")) == (PERMISSION_DENIED, "SCOPE_MISSING")
    assert protected.gatehouse.checks == []


def test_a_token_with_the_scope_is_enough(protected: Protected) -> None:
    client = protected.client.bearing(protected.gatehouse.token(scope="notes:read"))
    assert client.answers("Ask", "a") == [f"{ADA} a"]


def test_a_request_id_is_echoed(protected: Protected) -> None:
    given = [("x-request-id", "r-7")]
    assert refusal_of(lambda: protected.client.call("Ask", "a", metadata=given)).request_id == "r-7"


@pytest.mark.parametrize("rule", [Public(), Authenticated()])
def test_grpcs_own_handlers_that_do_not_block_are_protected_as_they_are(
    protected: Protected, rule: Rule
) -> None:
    guard = protected.guard
    if not isinstance(guard, AuthInterceptor):
        return  # asyncio knows no such handlers
    guard._authorizer.rules = Rules({"/grpc.health.v1.Health/*": rule})
    server = grpc.server(ThreadPoolExecutor(2), interceptors=[guard])
    servicer = health.HealthServicer(experimental_thread_pool=ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    bearer = [("authorization", f"Bearer {protected.gatehouse.token()}")]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watching = stub.Watch(health_pb2.HealthCheckRequest(), metadata=bearer, timeout=20)
        assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
        watching.cancel()
        if rule != Public():
            anonymous = partial(stub.Watch, health_pb2.HealthCheckRequest(), timeout=20)
            assert reason_of(anonymous) == (UNAUTHENTICATED, "TOKEN_MISSING")
    server.stop(None).wait()
