"""The real command in a process of its own, from sign-in to theft to the next start."""

from collections.abc import Iterator

import pytest

from tests.support.process import ServerProcess
from tests.support.refusals import UNAUTHENTICATED, refused


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    made = ServerProcess(tmp_path_factory.mktemp("serve") / "a folder with spaces")
    made.start()
    yield made
    made.close()


def test_sign_in_call_refresh_lost_answer_theft(server: ServerProcess) -> None:
    site = server.site
    ada = site.new_person()
    refresh = site.anonymous.auth.RefreshToken
    second = refresh(refresh_token=ada.tokens.refresh_token).tokens
    assert refresh(refresh_token=ada.tokens.refresh_token).tokens.refresh_token == (
        second.refresh_token
    )
    refresh(refresh_token=second.refresh_token)
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_REUSED"):
        refresh(refresh_token=ada.tokens.refresh_token)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        ada.auth.WhoAmI()


def test_fifty_refreshes_at_once_give_one_successor(server: ServerProcess) -> None:
    token = server.site.new_person().tokens.refresh_token
    refresh = server.site.anonymous.auth.RefreshToken
    calls = [refresh.future(refresh_token=token) for _ in range(50)]
    assert len({call.result().tokens.refresh_token for call in calls}) == 1


def test_every_call_is_one_line_without_a_secret(server: ServerProcess) -> None:
    ada = server.site.new_person()
    trailers = ada.auth.WhoAmI.trailers()
    assert server.stop() == 0
    [line] = [it for it in server.lines if it.get("request_id") == trailers["x-request-id"]]
    assert (line["method"], line["code"]) == ("/gatehouse.auth.v1.AuthService/WhoAmI", "OK")
    assert (line["subject"], line["peer"]) == (ada.name, "127.0.0.1")
    written = str(server.lines)
    for secret in (ada.password, ada.tokens.access_token, ada.tokens.refresh_token, ada.email):
        assert secret not in written
    server.start()


def test_after_a_restart_everything_is_as_it_was(server: ServerProcess) -> None:
    ada = server.site.new_person()
    assert server.stop() == 0
    site = server.start()
    assert site.anonymous.bearing(ada.tokens.access_token).auth.WhoAmI().subject == ada.name
    assert not [it for it in server.lines if it.get("level") == "error"]
