"""Redis killed while running: everything goes on, and nothing revoked revives."""

from collections.abc import Callable
from signal import SIGKILL, SIGSTOP

import pytest

from tests.support.process import ServerProcess
from tests.support.refusals import RESOURCE_EXHAUSTED, UNAUTHENTICATED, refused


@pytest.mark.parametrize("signal", [SIGKILL, SIGSTOP], ids=["killed", "hanging"])
def test_without_redis_everything_goes_on_and_nothing_revoked_revives(
    server: ServerProcess, signal: int
) -> None:
    site = server.site
    ada, revoked = site.new_person(), site.new_person()
    revoked.auth.Logout()
    server.signal_stores("valkey", signal)
    assert ada.auth.WhoAmI().subject == ada.name
    assert site.sign_in(ada.credentials).session != ada.session
    tokens = site.anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token).tokens
    assert [it.name for it in ada.sessions.ListSessions().sessions][-1] == ada.session
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        revoked.auth.WhoAmI()
    ada.auth.Logout()
    for token in (ada.tokens.access_token, tokens.access_token):
        with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
            site.anonymous.bearing(token).auth.WhoAmI()
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        site.anonymous.auth.RefreshToken(refresh_token=tokens.refresh_token)


def test_without_redis_sign_ins_are_still_throttled(
    new_server: Callable[..., ServerProcess],
) -> None:
    server = new_server(LOGIN_RATE="20/hour")
    site = server.start()
    server.signal_stores("valkey", SIGKILL)
    tries = [site.anonymous.auth.Login.future(email="x@y.z", password="x") for _ in range(20)]
    codes = [it.code() for it in tries]
    assert codes.count(UNAUTHENTICATED) == 5, "a quarter of the rate, in this process alone"
    assert codes.count(RESOURCE_EXHAUSTED) == 15
    with refused(RESOURCE_EXHAUSTED, reason="SIGN_IN_THROTTLED"):
        site.anonymous.auth.Login(email="x@y.z", password="x")
