"""Two server processes on the same stores are one service."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from grpc import RpcError, StatusCode

from tests.support.clients import Credentials
from tests.support.databases import Databases
from tests.support.house import ADMIN_EMAIL, PASSWORD, Site
from tests.support.replicas import two_servers
from tests.support.waiting import wait_until

ADMIN = Credentials("", ADMIN_EMAIL, PASSWORD)


@pytest.fixture(scope="module")
def sites(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, Site]]:
    """Both are started at once, on a database with nothing in it."""
    with two_servers(databases.new(), tmp_path_factory.mktemp("replicas")) as both:
        yield both


def test_they_agree_on_the_first_admin_and_on_the_keys(sites: tuple[Site, Site]) -> None:
    first, second = sites
    admin = first.sign_in(ADMIN)
    assert second.anonymous.bearing(admin.tokens.access_token).auth.WhoAmI().subject
    assert first.anonymous.auth.GetJwks() == second.anonymous.auth.GetJwks()
    assert len(admin.users.ListUsers().users) == 1


def test_a_session_revoked_at_one_is_refused_at_the_other(sites: tuple[Site, Site]) -> None:
    first, second = sites
    admin = first.sign_in(ADMIN)
    there = second.anonymous.bearing(admin.tokens.access_token)
    assert there.auth.WhoAmI()
    admin.auth.Logout()

    def refused() -> bool:
        try:
            there.auth.WhoAmI()
        except RpcError as error:
            return bool(error.code() is StatusCode.UNAUTHENTICATED)
        return False

    wait_until(refused, "the refusal", 5)


def test_a_refresh_token_is_used_once_whichever_of_them_is_asked(sites: tuple[Site, Site]) -> None:
    old = sites[0].sign_in(ADMIN).tokens.refresh_token

    def refresh(number: int) -> str:
        site = sites[number % 2]
        return str(site.anonymous.auth.RefreshToken(refresh_token=old).tokens.refresh_token)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(refresh, range(30)))) == 1


def test_a_new_display_name_is_told_at_both(sites: tuple[Site, Site]) -> None:
    first, second = sites
    admin = first.sign_in(ADMIN)
    there = second.anonymous.bearing(admin.tokens.access_token)
    assert there.auth.WhoAmI().display_name != "Grace"
    me = {"name": "users/me", "display_name": "Grace"}
    admin.users.UpdateUser(user=me, update_mask={"paths": ["display_name"]})
    assert admin.auth.WhoAmI().display_name == "Grace", "nobody reads their own write stale"
    wait_until(lambda: there.auth.WhoAmI().display_name == "Grace", "the new name", 5)
