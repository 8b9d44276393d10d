"""Sign-ins beside the suspension and the deletion of whom they sign in."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import grpc
import pytest

from tests.e2e.federation.conftest import Federation, somebody
from tests.support.refusals import read


def outcome(call: Callable[[], Any]) -> tuple[Any, str]:
    """What is answered, or why nothing is."""
    try:
        return call(), ""
    except grpc.RpcError as error:
        return None, read(error).reason


def callers_after(
    federation: Federation, claims: dict[str, Any], change: Callable[[], object]
) -> list[tuple[str, str]]:
    """Who several sign-ins are, that ended while something changed; or why nobody any more."""
    visits = [federation.visit(**claims) for _ in range(4)]
    with ThreadPoolExecutor(5) as threads:
        ends = [threads.submit(outcome, lambda it=it: federation.complete(it)) for it in visits]
        wait(ends, return_when=FIRST_COMPLETED)  # else the change is over before anybody is in
        threads.submit(change).result()
        signed_in = [end.result() for end in ends]
    assert {why for _, why in signed_in} <= {"", "FEDERATED_LOGIN_REFUSED"}
    clients = [federation.house.anonymous.bearing(it.access_token) for it, _ in signed_in if it]
    return [outcome(lambda it=it: it.auth.WhoAmI().subject) for it in clients]


def test_nobody_slips_in_beside_their_suspension(federation: Federation) -> None:
    users, callers = federation.house.admin.users, []
    for _ in range(5):
        claims = somebody()
        name = federation.sign_in(**claims).auth.WhoAmI().subject
        callers += callers_after(federation, claims, lambda it=name: users.SuspendUser(name=it))
    # Some were signed in before it, or nothing was tried; and none of them is any more.
    assert set(callers) == {(None, "SESSION_REVOKED")}


@pytest.mark.parametrize("_", range(5))
def test_who_is_deleted_meanwhile_is_nobody_or_somebody_new(federation: Federation, _: int) -> None:
    claims, users = somebody(), federation.house.admin.users
    name = federation.sign_in(**claims).auth.WhoAmI().subject
    callers = callers_after(federation, claims, lambda: users.DeleteUser(name=name))
    assert {why for _, why in callers} <= {"", "SESSION_REVOKED"}
    known = {who for who, _ in callers if who}
    assert len(known) <= 1
    assert name not in known
