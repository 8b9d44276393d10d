"""Who is in which group: users, services, groups in groups, and everyone."""

from collections.abc import Callable
from itertools import pairwise
from uuid import uuid4

import pytest

from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import (
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    refused,
)


def new_group(admin: Person) -> str:
    name: str = admin.groups.CreateGroup(group={}).group.name
    return name


@pytest.fixture
def group(admin: Person) -> str:
    return new_group(admin)


@pytest.fixture
def nested(admin: Person) -> list[str]:
    """Four groups, each in the next."""
    groups = [new_group(admin) for _ in range(4)]
    for inner, outer in pairwise(groups):
        admin.groups.AddMember(group=outer, member=inner)
    return groups


def changes(gatehouse: House, group: str) -> list[tuple[str, str]]:
    rows = gatehouse.sql(
        "SELECT type, data FROM events"
        " WHERE subject = :it AND type LIKE '%member_%' ORDER BY position",
        it=group,
    )
    return [(row.type.rpartition(".")[2], row.data["member"]) for row in rows]


def test_a_member_is_granted_what_the_group_is(
    gatehouse: House, admin: Person, ada: Person, group: str
) -> None:
    gatehouse.grant(group, "roles/auditor")
    assert admin.groups.AddMember(group=group, member=ada.name).revision
    assert ada.users.ListUsers(page_size=1).users
    assert admin.groups.RemoveMember(group=group, member=ada.name).revision
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.users.ListUsers()
    assert changes(gatehouse, group) == [("member_added", ada.name), ("member_removed", ada.name)]


def test_a_member_of_a_member_is_granted_it_too(
    gatehouse: House, admin: Person, ada: Person, nested: list[str]
) -> None:
    gatehouse.grant(nested[-1], "roles/auditor")
    admin.groups.AddMember(group=nested[0], member=ada.name)
    assert ada.users.ListUsers(page_size=1).users
    admin.groups.RemoveMember(group=nested[2], member=nested[1])
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.users.ListUsers()


def test_adding_twice_and_removing_who_is_not_in_it_are_no_errors(
    gatehouse: House, admin: Person, ada: Person, group: str
) -> None:
    for call in (admin.groups.RemoveMember, admin.groups.AddMember, admin.groups.AddMember):
        assert call(group=group, member=ada.name).revision
    assert list(admin.groups.ListMembers(group=group).members) == [ada.name]
    assert changes(gatehouse, group) == [("member_added", ada.name)]


def test_services_and_groups_can_be_members(
    gatehouse: House, admin: Person, ada: Person, group: str
) -> None:
    members = [ada.name, gatehouse.new_service().name, new_group(admin)]
    for member in members:
        admin.groups.AddMember(group=group, member=member)
    assert list(admin.groups.ListMembers(group=group).members) == sorted(members)


def test_everyone_can_be_a_member(open_house: Callable[..., House]) -> None:
    house = open_house()
    group = new_group(house.admin)
    house.admin.groups.AddMember(group=group, member="everyone")
    assert list(house.admin.groups.ListMembers(group=group).members) == ["everyone"]
    newcomer = house.new_person()
    assert list(newcomer.groups.ListMemberships().memberships) == []
    assert list(newcomer.groups.ListMemberships(transitive=True).memberships) == [group]
    house.grant(group, "roles/auditor")
    assert newcomer.users.ListUsers(page_size=1).users
    house.admin.groups.RemoveMember(group=group, member="everyone")
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        newcomer.users.ListUsers()


@pytest.mark.parametrize("kind", ["users", "groups", "serviceAccounts"])
def test_who_is_not_there_cannot_be_a_member(admin: Person, group: str, kind: str) -> None:
    nobody = f"{kind}/{uuid4()}"
    for call in (admin.groups.AddMember, admin.groups.RemoveMember):
        with refused(NOT_FOUND, reason="SUBJECT_NOT_FOUND") as refusal:
            call(group=group, member=nobody)
        assert refusal.resource == ("gatehouse.access.v1.Subject", nobody)


@pytest.mark.parametrize("member", ["", "x", "users/x", "roles/owner", "sessions/x"])
def test_a_member_is_a_subject(admin: Person, group: str, member: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"member"}):
        admin.groups.AddMember(group=group, member=member)


def test_callers_may_say_me(admin: Person, group: str) -> None:
    admin.groups.AddMember(group=group, member="users/me")
    assert list(admin.groups.ListMembers(group=group).members) == [admin.name]
    admin.groups.RemoveMember(group=group, member="users/me")
    assert list(admin.groups.ListMembers(group=group).members) == []


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_no_group_comes_to_contain_itself(admin: Person, nested: list[str], depth: int) -> None:
    with refused(FAILED_PRECONDITION, reason="GROUP_CYCLE"):
        admin.groups.AddMember(group=nested[0], member=nested[depth])
    assert list(admin.groups.ListMembers(group=nested[0]).members) == []


def test_a_group_may_be_reached_two_ways(admin: Person, ada: Person, nested: list[str]) -> None:
    admin.groups.AddMember(group=nested[3], member=nested[0])
    admin.groups.AddMember(group=nested[0], member=ada.name)
    memberships = ada.groups.ListMemberships(transitive=True).memberships
    assert list(memberships) == sorted(nested)


def test_people_see_which_groups_they_are_in(admin: Person, ada: Person, nested: list[str]) -> None:
    admin.groups.AddMember(group=nested[0], member=ada.name)
    for subject in ("", "users/me", ada.name):
        assert list(ada.groups.ListMemberships(subject=subject).memberships) == [nested[0]]
    assert list(ada.groups.ListMemberships(transitive=True).memberships) == sorted(nested)


def test_services_do_too(gatehouse: House, admin: Person, group: str) -> None:
    service = gatehouse.new_service()
    admin.groups.AddMember(group=group, member=service.name)
    for subject in ("", "users/me", service.name):
        assert list(service.groups.ListMemberships(subject=subject).memberships) == [group]


def test_others_groups_need_a_permission(
    gatehouse: House, admin: Person, ada: Person, bob: Person, group: str
) -> None:
    admin.groups.AddMember(group=group, member=bob.name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
        ada.groups.ListMemberships(subject=bob.name)
    assert refusal.metadata == {"permission": "memberships.list", "path": f"/{bob.name}"}
    gatehouse.grant(ada.name, "roles/auditor", f"/{bob.name}")
    assert list(ada.groups.ListMemberships(subject=bob.name).memberships) == [group]


def test_both_lists_come_in_pages(admin: Person, ada: Person, group: str) -> None:
    inner = sorted(new_group(admin) for _ in range(5))
    for name in inner:
        admin.groups.AddMember(group=group, member=name)
        admin.groups.AddMember(group=name, member=ada.name)
    first = admin.groups.ListMembers(group=group, page_size=3)
    rest = admin.groups.ListMembers(group=group, page_size=3, page_token=first.next_page_token)
    assert [*first.members, *rest.members] == inner
    assert rest.next_page_token == ""
    asked = {"page_size": 4, "transitive": True}
    some = ada.groups.ListMemberships(**asked)
    others = ada.groups.ListMemberships(page_token=some.next_page_token, **asked)
    assert [*some.memberships, *others.memberships] == sorted([*inner, group])


def test_a_page_token_is_good_for_its_own_list_only(admin: Person, ada: Person, group: str) -> None:
    other = new_group(admin)
    for name in (ada.name, other):
        admin.groups.AddMember(group=group, member=name)
    token = admin.groups.ListMembers(group=group, page_size=1).next_page_token
    assert token
    for call in (
        lambda: admin.groups.ListMembers(group=other, page_token=token),
        lambda: admin.groups.ListMemberships(page_token=token),
        lambda: admin.groups.ListGroups(page_token=token),
    ):
        with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
            call()


@pytest.mark.parametrize("rpc", ["AddMember", "RemoveMember"])
def test_every_change_can_be_repeated(admin: Person, ada: Person, group: str, rpc: str) -> None:
    fields = {"group": group, "member": ada.name, "request_id": str(uuid4())}
    call = getattr(admin.groups, rpc)
    assert call(**fields) == call(**fields)
