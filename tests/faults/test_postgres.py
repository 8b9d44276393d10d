"""PostgreSQL killed, hanging or restarted: UNAVAILABLE for a while, nobody let in, no restart."""

from collections.abc import Callable
from signal import SIGCONT, SIGKILL, SIGSTOP

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.clients import Client, Person
from tests.support.house import Site
from tests.support.process import ServerProcess
from tests.support.refusals import UNAUTHENTICATED, UNAVAILABLE, Refusal, read, refused
from tests.support.waiting import wait_until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def status(site: Site) -> int:
    stub = health_pb2_grpc.HealthStub(site.channel)
    return stub.Check(health_pb2.HealthCheckRequest(), timeout=20).status


def refusal_of(call: Callable[[], object]) -> Refusal | None:
    """How the call is refused; nothing but UNAVAILABLE may come of a database that is away."""
    try:
        call()
    except grpc.RpcError as error:
        refusal = read(error)
        assert refusal.code is UNAVAILABLE, refusal
        assert refusal.reason == "DATABASE_UNAVAILABLE"
        assert refusal.retry_after
        return refusal
    return None


def worlds_of(site: Site, ada: Person) -> list[Callable[[], object]]:
    anonymous: Client = site.anonymous
    return [
        ada.auth.WhoAmI,
        lambda: ada.users.GetUser(name="users/me"),
        lambda: anonymous.auth.Login(email=ada.email, password=ada.password),
        lambda: anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token),
        lambda: site.admin.users.CreateUser(user={"email": "new@example.org"}),
    ]


def test_a_database_that_is_gone_is_unavailable_and_nobody_gets_in(server: ServerProcess) -> None:
    site = server.site
    ada = site.new_person()
    ada.auth.WhoAmI()
    server.signal_stores("postgres", SIGKILL)
    # What is remembered is believed for three seconds, and then no longer.
    for call in worlds_of(site, ada):
        wait_until(lambda call=call: refusal_of(call), "the refusal")
    assert all(refusal_of(call) for call in worlds_of(site, ada))
    wait_until(lambda: status(site) == NOT_SERVING, "NOT_SERVING")


def test_keys_are_published_and_health_answers_without_a_database(server: ServerProcess) -> None:
    site = server.site
    site.anonymous.auth.GetJwks()
    server.signal_stores("postgres", SIGKILL)
    wait_until(lambda: status(site) == NOT_SERVING, "NOT_SERVING")
    assert len(site.anonymous.auth.GetJwks().keys) == 1


def test_a_database_that_crashes_and_recovers_needs_no_restart(server: ServerProcess) -> None:
    site = server.site
    ada, revoked = site.new_person(), site.new_person()
    revoked.auth.Logout()
    server.crash_postgres()
    for call in worlds_of(site, ada):
        wait_until(lambda call=call: refusal_of(call) is None, "the recovery")
    wait_until(lambda: status(site) == SERVING, "SERVING")
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        revoked.auth.WhoAmI()


def test_a_database_that_hangs_lets_nobody_in_and_is_used_again_when_it_goes_on(
    server: ServerProcess,
) -> None:
    site = server.site
    ada = site.new_person()
    ada.auth.WhoAmI()
    server.signal_stores("postgres", SIGSTOP)
    wait_until(lambda: status(site) == NOT_SERVING, "NOT_SERVING")
    wait_until(lambda: refusal_of(ada.auth.WhoAmI), "the refusal")
    assert all(refusal_of(call) for call in worlds_of(site, ada))
    server.signal_stores("postgres", SIGCONT)
    for call in worlds_of(site, ada):
        wait_until(lambda call=call: refusal_of(call) is None, "the recovery")
    wait_until(lambda: status(site) == SERVING, "SERVING")


@pytest.mark.long
def test_a_call_that_a_hanging_database_has_caught_is_let_go(server: ServerProcess) -> None:
    server.signal_stores("postgres", SIGSTOP)
    email = server.site.admin.email
    call = server.site.anonymous.auth.Login.future(email=email, password="x")
    assert read(call.exception(timeout=25)).code is UNAVAILABLE


def test_both_stores_gone_nobody_gets_in(server: ServerProcess) -> None:
    site = server.site
    ada = site.new_person()
    for store in ("valkey", "postgres"):
        server.signal_stores(store, SIGKILL)
    for call in worlds_of(site, ada):
        wait_until(lambda call=call: refusal_of(call), "the refusal")
