"""Two server processes on the same stores are one service."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from grpc import RpcError, StatusCode

from tests.support.clients import Client, Credentials, Machine
from tests.support.databases import Databases
from tests.support.house import ADMIN_EMAIL, PASSWORD, Site
from tests.support.refusals import UNAUTHENTICATED, read, refused
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


def dead(client: Client) -> bool:
    """Whether the client's token is refused."""
    try:
        client.auth.WhoAmI()
    except RpcError as error:
        return bool(error.code() is StatusCode.UNAUTHENTICATED)
    return False


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

    wait_until(lambda: dead(there), "the refusal", 5)


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


def test_a_key_has_one_session_at_both_and_its_end_is_known_at_both(
    sites: tuple[Site, Site],
) -> None:
    first = sites[0]
    account = first.admin.service_accounts.CreateServiceAccount(service_account={})
    name = account.service_account.name
    key = first.new_key(name)

    def sign_in(number: int) -> Machine:
        return sites[number % 2].machine(name, key.secret)

    with ThreadPoolExecutor(8) as pool:
        machines = list(pool.map(sign_in, range(16)))
    assert len({machine.session for machine in machines}) == 1
    first.admin.service_accounts.RevokeApiKey(name=key.api_key.name)
    for site in sites:
        with refused(UNAUTHENTICATED, reason="API_KEY_INVALID"):
            site.machine(name, key.secret)

    for machine in machines:
        wait_until(partial(dead, machine), "the end of its tokens", 5)


def test_of_memberships_that_together_close_a_cycle_one_is_refused_whichever_is_asked(
    sites: tuple[Site, Site],
) -> None:
    first, second = (site.admin.groups for site in sites)
    for _ in range(10):
        one, other = (first.CreateGroup(group={}).group.name for _ in range(2))
        calls = [
            first.AddMember.future(group=one, member=other),
            second.AddMember.future(group=other, member=one),
        ]
        errors = [call.exception() for call in calls]
        assert errors.count(None) == 1
        [refusal] = [read(error).reason for error in errors if error is not None]
        assert refusal == "GROUP_CYCLE"
