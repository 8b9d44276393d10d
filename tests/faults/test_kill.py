"""Killed at any moment: what was acknowledged is there after the next start."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import grpc
import psutil

from tests.support.house import Site, new_email
from tests.support.process import ServerProcess
from tests.support.refusals import UNAUTHENTICATED, refused
from tests.support.waiting import wait_until


def test_sessions_and_users_outlive_a_kill_of_everything(server: ServerProcess) -> None:
    ada = server.site.new_person(display_name="Ada")
    lost = server.site.new_person()
    lost.auth.Logout()
    server.kill_everything()
    site = server.start()
    assert site.admin.users.GetUser(name=ada.name).user.display_name == "Ada"
    again = site.anonymous.bearing(ada.tokens.access_token)
    assert again.auth.WhoAmI().session == ada.session
    tokens = site.anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token).tokens
    assert tokens.session == ada.session
    assert site.sign_in(ada.credentials).name == ada.name
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        site.anonymous.bearing(lost.tokens.access_token).auth.WhoAmI()
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        site.anonymous.auth.RefreshToken(refresh_token=lost.tokens.refresh_token)


def test_a_killed_server_leaves_no_stores_and_starts_again(server: ServerProcess) -> None:
    stores = psutil.Process(server.process.pid).children(recursive=True)
    server.kill_server()
    site = server.start()
    assert site.admin.auth.WhoAmI().subject
    wait_until(lambda: not any(it.is_running() for it in stores), "the end of the old stores")


def test_a_retry_after_a_kill_has_one_effect(server: ServerProcess) -> None:
    answered: dict[str, str] = {}
    asked: dict[str, str] = {}

    def create(site: Site, email: str) -> None:
        answer = site.admin.users.CreateUser(user={"email": email}, request_id=asked[email])
        assert answered.setdefault(email, answer.user.name) == answer.user.name

    def create_until_it_fails() -> None:
        with suppress(grpc.RpcError):
            while True:
                email = new_email()
                asked[email] = str(uuid4())
                create(server.site, email)

    with ThreadPoolExecutor(4) as callers:
        working = [callers.submit(create_until_it_fails) for _ in range(4)]
        wait_until(lambda: len(answered) > 40, "some users")
        server.kill_everything()
    for one in working:
        one.result()
    assert len(asked) == len(answered) + 4, "each caller lost one answer"
    site = server.start()
    for email in asked:
        create(site, email)
    everybody = site.admin.users.ListUsers(page_size=1000).users
    assert {it.name for it in everybody} == {*answered.values(), site.admin.name}
