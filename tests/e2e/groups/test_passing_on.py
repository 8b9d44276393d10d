"""Nobody gives or takes by a group what they do not hold, unless they were put in charge of it."""

from typing import Any

import pytest

from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import FAILED_PRECONDITION, PERMISSION_DENIED, refused

KEEPER = "roles/group-keeper"


@pytest.fixture(scope="module")
def keepers(admin: Person) -> str:
    """A role for who cares for groups, and holds nothing else."""
    admin.roles.CreateRole(role={"name": KEEPER, "permissions": ["groups.*"]})
    return KEEPER


@pytest.fixture
def keeper(gatehouse: House, keepers: str) -> Person:
    return gatehouse.new_person(keepers)


@pytest.fixture
def owners(gatehouse: House, admin: Person) -> str:
    """A group that owns everything."""
    name: str = admin.groups.CreateGroup(group={}).group.name
    gatehouse.grant(name, "roles/owner")
    return name


def by(client: Person, rpc: str, group: str, member: str) -> Any:
    fields = {"name": group} if rpc == "DeleteGroup" else {"group": group, "member": member}
    return getattr(client.groups, rpc)(**fields)


@pytest.mark.parametrize("rpc", ["AddMember", "RemoveMember", "DeleteGroup"])
def test_who_does_not_hold_what_a_group_holds_leaves_it_alone(
    admin: Person, keeper: Person, bob: Person, owners: str, rpc: str
) -> None:
    if rpc == "RemoveMember":
        admin.groups.AddMember(group=owners, member=bob.name)
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        by(keeper, rpc, owners, bob.name)
    assert refusal.metadata == {"subject": owners}  # not what it holds, which they may not list
    members = [bob.name] if rpc == "RemoveMember" else []
    assert list(admin.groups.ListMembers(group=owners).members) == members


def test_nobody_makes_themselves_an_owner_by_joining(keeper: Person, owners: str) -> None:
    with refused(PERMISSION_DENIED, reason="NOT_HELD"):
        keeper.groups.AddMember(group=owners, member="users/me")
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        keeper.users.ListUsers()


def test_nor_by_a_group_within_the_group(admin: Person, keeper: Person, owners: str) -> None:
    inner = keeper.groups.CreateGroup(group={}).group.name
    admin.groups.AddMember(group=owners, member=inner)
    with refused(PERMISSION_DENIED, reason="NOT_HELD"):
        keeper.groups.AddMember(group=inner, member="users/me")


@pytest.mark.parametrize("rpc", ["AddMember", "RemoveMember", "DeleteGroup"])
def test_a_group_that_holds_nothing_is_anyones_who_may(
    keeper: Person, bob: Person, rpc: str
) -> None:
    group = keeper.groups.CreateGroup(group={}).group.name
    by(keeper, rpc, group, bob.name)


@pytest.mark.parametrize("rpc", ["AddMember", "RemoveMember", "DeleteGroup"])
def test_who_is_in_charge_of_a_group_need_not_hold_what_it_holds(
    gatehouse: House, ada: Person, bob: Person, owners: str, rpc: str
) -> None:
    gatehouse.grant(ada.name, "roles/admin", f"/{owners}")
    by(ada, rpc, owners, bob.name)


def test_who_is_in_charge_of_one_group_is_not_of_another(
    gatehouse: House, admin: Person, ada: Person, owners: str
) -> None:
    mine = admin.groups.CreateGroup(group={}).group.name
    gatehouse.grant(ada.name, "roles/admin", f"/{mine}")
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.groups.AddMember(group=owners, member=ada.name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.groups.GetGroup(name=owners)


def test_one_may_leave_what_one_holds_by_the_group_alone(
    gatehouse: House, admin: Person, owners: str
) -> None:
    owner = gatehouse.new_person()
    admin.groups.AddMember(group=owners, member=owner.name)
    owner.groups.RemoveMember(group=owners, member="users/me")
    assert list(admin.groups.ListMembers(group=owners).members) == []


def test_the_last_owner_does_not_leave_the_owners_group(open_house: Any) -> None:
    house = open_house()
    admin = house.admin
    group = admin.groups.CreateGroup(group={}).group.name
    house.grant(group, "roles/owner")
    admin.groups.AddMember(group=group, member="users/me")
    [own] = [it for it in admin.access.ListGrants(subject=admin.name).grants if it.path == "/"]
    admin.access.DeleteGrant(name=own.name)
    for call in (
        lambda: admin.groups.RemoveMember(group=group, member="users/me"),
        lambda: admin.groups.DeleteGroup(name=group),
    ):
        with refused(FAILED_PRECONDITION, reason="LAST_OWNER"):
            call()
    assert admin.users.ListUsers().users
