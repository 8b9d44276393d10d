"""There is always an owner of `/` who can sign in."""

from collections.abc import Callable

import pytest

from tests.support.house import House
from tests.support.refusals import FAILED_PRECONDITION, UNAUTHENTICATED, refused


@pytest.mark.parametrize("rpc", ["SuspendUser", "DeleteUser"])
@pytest.mark.parametrize("name", ["users/me", "by name"])
def test_the_last_owner_stays(open_house: Callable[..., House], rpc: str, name: str) -> None:
    admin = open_house().admin
    with refused(FAILED_PRECONDITION, reason="LAST_OWNER") as refusal:
        getattr(admin.users, rpc)(name=admin.name if name == "by name" else name)
    assert refusal.preconditions == ("ERROR_REASON_LAST_OWNER",)
    assert admin.auth.WhoAmI().subject == admin.name


@pytest.mark.parametrize("rpc", ["SuspendUser", "DeleteUser"])
def test_an_owner_who_is_not_the_last_may_go(open_house: Callable[..., House], rpc: str) -> None:
    gatehouse = open_house()
    admin, owner = gatehouse.admin, gatehouse.new_person("roles/owner")
    getattr(admin.users, rpc)(name=owner.name)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        owner.auth.WhoAmI()


def test_an_owner_who_is_suspended_is_none(open_house: Callable[..., House]) -> None:
    gatehouse = open_house()
    admin, owner = gatehouse.admin, gatehouse.new_person("roles/owner")
    admin.users.SuspendUser(name=owner.name)
    with refused(FAILED_PRECONDITION, reason="LAST_OWNER"):
        admin.users.SuspendUser(name=admin.name)
    admin.users.DeleteUser(name=owner.name)


def test_of_two_owners_who_go_at_once_one_stays(open_house: Callable[..., House]) -> None:
    gatehouse = open_house()
    admin, owner = gatehouse.admin, gatehouse.new_person("roles/owner")
    calls = [who.users.DeleteUser.future(name="users/me") for who in (admin, owner)]
    gone = [call for call in calls if call.exception() is None]
    assert len(gone) == 1
    assert len(gatehouse.sql("SELECT 1 FROM grants WHERE role = 'roles/owner'")) == 1
