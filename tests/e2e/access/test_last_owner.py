"""Somebody who can sign in owns `/`, whatever is done about it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.access.conftest import add_roles, in_seconds
from tests.support.databases import Databases
from tests.support.house import House, house, new_email, settings
from tests.support.refusals import FAILED_PRECONDITION, refused

OWNER, ADMIN = "roles/owner", "roles/admin"
DENY = {"effect": "EFFECT_DENY"}


@pytest.fixture(scope="module")
def lonely(databases: Databases) -> Iterator[House]:
    """A house with one owner; what is refused leaves it as it is."""
    with house(databases.new(), settings()) as running:
        add_roles(running)
        yield running


def owners_grant(gatehouse: House) -> str:
    [grant] = gatehouse.admin.access.ListGrants(
        subject=gatehouse.admin.name, path="/", role=OWNER
    ).grants
    return str(grant.name)


def denied_group(gatehouse: House, role: str = OWNER, **fields: Any) -> str:
    """A group with nobody in it that is denied everything."""
    name: str = gatehouse.admin.groups.CreateGroup(group={}).group.name
    gatehouse.grant(name, role, **DENY | fields)
    return name


def refused_to_go(gatehouse: House, call: Callable[[], object]) -> None:
    with refused(FAILED_PRECONDITION, reason="LAST_OWNER") as refusal:
        call()
    assert refusal.preconditions == ("ERROR_REASON_LAST_OWNER",)
    assert gatehouse.admin.access.CheckAccess(permission="grants.create", path="/").allowed


def test_the_last_owners_grant_stays(lonely: House) -> None:
    name = owners_grant(lonely)
    refused_to_go(lonely, lambda: lonely.admin.access.DeleteGrant(name=name))


@pytest.mark.parametrize("role", [OWNER, ADMIN, "roles/granter", "roles/everything"])
@pytest.mark.parametrize("whom", ["the owner", "everyone", "their group", "for a while"])
def test_the_last_owner_is_not_denied_what_mending_takes(
    lonely: House, role: str, whom: str
) -> None:
    subject = {"the owner": lonely.admin.name, "everyone": "everyone"}.get(whom, lonely.admin.name)
    fields = {"expire_time": in_seconds(60)} if whom == "for a while" else {}
    if whom == "their group":
        subject = lonely.admin.groups.CreateGroup(group={}).group.name
        lonely.admin.groups.AddMember(group=subject, member="users/me")
    refused_to_go(lonely, lambda: lonely.grant(subject, role, "/", **DENY, **fields))


@pytest.mark.parametrize("member", ["the owner", "everyone", "their group"])
def test_the_last_owner_does_not_come_into_a_group_that_is_denied_it(
    lonely: House, member: str
) -> None:
    group = denied_group(lonely)
    subject = {"the owner": lonely.admin.name}.get(member, "everyone")
    if member == "their group":
        subject = lonely.admin.groups.CreateGroup(group={}).group.name
        lonely.admin.groups.AddMember(group=subject, member=lonely.admin.name)
    refused_to_go(lonely, lambda: lonely.admin.groups.AddMember(group=group, member=subject))


def test_nor_is_a_group_of_theirs_put_into_another_that_is(lonely: House) -> None:
    inner = lonely.admin.groups.CreateGroup(group={}).group.name
    outer = denied_group(lonely)
    lonely.admin.groups.AddMember(group=outer, member=inner)
    refused_to_go(
        lonely, lambda: lonely.admin.groups.AddMember(group=inner, member=lonely.admin.name)
    )


def test_a_role_that_they_are_denied_does_not_come_to_hold_it(lonely: House) -> None:
    role = {"name": f"roles/harmless-{new_email()[8:20]}", "permissions": ["coffee.make"]}
    lonely.admin.roles.CreateRole(role=role)
    lonely.grant("everyone", role["name"], "/", **DENY)
    wanted = role | {"permissions": ["coffee.make", "grants.create"]}
    refused_to_go(lonely, lambda: lonely.admin.roles.UpdateRole(role=wanted))


def test_denials_below_and_of_other_things_may_be(lonely: House) -> None:
    for role, path in ((OWNER, "/below"), ("roles/doc-reader", "/"), ("roles/member", "/")):
        grant = lonely.grant(lonely.admin.name, role, path, **DENY)
        lonely.admin.access.DeleteGrant(name=grant.name)


def _ending(gatehouse: House) -> None:
    gatehouse.grant(gatehouse.new_user().name, OWNER, "/", expire_time=in_seconds(600))


def _suspended(gatehouse: House) -> None:
    name = gatehouse.new_person(OWNER).name
    gatehouse.admin.users.SuspendUser(name=name)


def _pending(gatehouse: House) -> None:
    user = gatehouse.admin.users.CreateUser(user={"email": new_email()}).user
    gatehouse.grant(user.name, OWNER)


def _service(gatehouse: House) -> None:
    account = gatehouse.admin.service_accounts.CreateServiceAccount(service_account={})
    gatehouse.grant(account.service_account.name, OWNER)


def _below(gatehouse: House) -> None:
    gatehouse.grant(gatehouse.new_user().name, OWNER, "/below")


def _denied(gatehouse: House) -> None:
    name = gatehouse.new_user().name
    gatehouse.grant(name, "roles/granter", "/", **DENY)
    gatehouse.grant(name, OWNER)


def _empty_group(gatehouse: House) -> None:
    gatehouse.grant(gatehouse.admin.groups.CreateGroup(group={}).group.name, OWNER)


NO_OWNERS = [_ending, _suspended, _pending, _service, _below, _denied, _empty_group]


@pytest.mark.parametrize("make", NO_OWNERS, ids=lambda it: it.__name__.strip("_"))
def test_another_who_could_not_mend_things_does_not_count(
    lonely: House, make: Callable[[House], None]
) -> None:
    make(lonely)
    name = owners_grant(lonely)
    refused_to_go(lonely, lambda: lonely.admin.access.DeleteGrant(name=name))


def test_another_who_could_does(open_house: Callable[..., House]) -> None:
    gatehouse = open_house()
    other, name = gatehouse.new_person(), owners_grant(gatehouse)
    group = gatehouse.admin.groups.CreateGroup(group={}).group.name
    gatehouse.grant(group, OWNER)
    gatehouse.admin.groups.AddMember(group=group, member=other.name)
    gatehouse.admin.access.DeleteGrant(name=name)
    [theirs] = other.access.ListGrants(role=OWNER).grants
    with refused(FAILED_PRECONDITION, reason="LAST_OWNER"):
        other.access.DeleteGrant(name=theirs.name)


def test_of_two_owners_who_take_it_from_each_other_at_once_one_stays(
    open_house: Callable[..., House],
) -> None:
    gatehouse = open_house()
    one, other = gatehouse.admin, gatehouse.new_person(OWNER)
    grants = gatehouse.admin.access.ListGrants(path="/", role=OWNER).grants
    calls = [
        who.access.DeleteGrant.future(name=it.name)
        for it, who in zip(grants, (other, one), strict=True)
    ]
    assert sorted(call.exception() is None for call in calls) == [False, True]
    assert len(gatehouse.sql("SELECT FROM grants WHERE role = 'roles/owner'")) == 1


def test_of_a_removal_and_a_denial_at_once_one_is_refused(
    open_house: Callable[..., House],
) -> None:
    gatehouse = open_house()
    other = gatehouse.new_person(OWNER)
    calls = [
        gatehouse.admin.access.DeleteGrant.future(name=owners_grant(gatehouse)),
        gatehouse.admin.access.CreateGrant.future(
            path="/", role=OWNER, subject=other.name, effect=2
        ),
    ]
    assert [call.exception() is None for call in calls].count(True) == 1
