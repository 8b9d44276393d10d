"""Nobody comes to be in charge of what they do not hold, by whatever way."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from tests.support.clients import Client, Person
from tests.support.house import House, new_email
from tests.support.refusals import PERMISSION_DENIED, refused

ADMIN, OWNER = "roles/admin", "roles/owner"
GIVING = {
    "groups": ["groups.add_member", "groups.remove_member", "groups.delete", "groups.*"],
    "serviceAccounts": ["serviceaccounts.create_key", "serviceaccounts.*"],
    "users": ["users.manage", "users.*"],
}
WIDER = [(kind, one) for kind, patterns in GIVING.items() for one in patterns]
KINDS = pytest.mark.parametrize("kind", GIVING)


@dataclass
class World:
    """Groups, service accounts and users, and what is done with them."""

    house: House

    def new(self, kind: str, name: str = "") -> str:
        """A group, a service account or a user."""
        if kind == "users":
            return self.house.new_user().name
        if kind == "groups":
            made = self.house.admin.groups.CreateGroup(group={"name": name})
            return str(made.group.name)
        made = self.house.admin.service_accounts.CreateServiceAccount(
            service_account={"name": name}
        )
        return str(made.service_account.name)

    def owner(self, kind: str) -> str:
        """One that owns everything."""
        name = self.new(kind)
        self.house.grant(name, OWNER)
        return name

    def role(self, *patterns: str) -> str:
        """A role."""
        name = f"roles/it-{uuid4().hex[:12]}"
        self.house.admin.roles.CreateRole(role={"name": name, "permissions": patterns})
        return name

    def chain(self, *kinds: str) -> list[str]:
        """The first owns everything, and each of the others is in charge of the one before it."""
        names = [self.owner(kinds[0]), *map(self.new, kinds[1:])]
        for upper, lower in pairwise(names):
            self.house.grant(lower, ADMIN, f"/{upper}")
        return names


@pytest.fixture
def world(gatehouse: House) -> World:
    return World(gatehouse)


@pytest.fixture
def mallory(gatehouse: House) -> Person:
    """Administers everything that Gatehouse keeps, and owns nothing."""
    return gatehouse.new_person(ADMIN)


def take(client: Client, name: str, member: str = "users/me") -> Any:
    """Gets at what somebody was granted: of a user by the mail with which passwords are reset."""
    if name.startswith("groups/"):
        return client.groups.AddMember(group=name, member=member)
    if name.startswith("users/"):
        return client.users.UpdateUser(user={"name": name, "email": new_email()})
    return client.service_accounts.CreateApiKey(service_account=name)


def not_held() -> Any:
    return refused(PERMISSION_DENIED, reason="NOT_HELD")


def widen(client: Client, role: str, *patterns: str) -> Any:
    return client.roles.UpdateRole(role={"name": role, "permissions": patterns})


@pytest.mark.parametrize(("kind", "pattern"), WIDER)
def test_a_role_that_is_widened_puts_nobody_in_charge(
    world: World, mallory: Person, kind: str, pattern: str
) -> None:
    name, role = world.owner(kind), world.role("coffee.make")
    world.house.grant(mallory.name, role, f"/{name}")
    with not_held():
        widen(mallory, role, "coffee.make", pattern)
    with not_held():
        take(mallory, name)
    assert list(mallory.roles.GetRole(name=role).role.permissions) == ["coffee.make"]


@KINDS
def test_who_holds_those_rights_may_widen_it(world: World, mallory: Person, kind: str) -> None:
    name, role = world.owner(kind), world.role("coffee.make")
    world.house.grant(mallory.name, role, f"/{name}")
    widen(world.house.admin, role, GIVING[kind][0])
    take(mallory, name)


@KINDS
def test_a_role_whose_holders_are_in_charge_already_may_be_given_more(
    world: World, mallory: Person, bob: Person, kind: str
) -> None:
    name, role = world.owner(kind), world.role(GIVING[kind][0])
    world.house.grant(bob.name, role, f"/{name}")
    widen(mallory, role, GIVING[kind][0], "users.read")
    widen(mallory, role, "users.read")
    with not_held():
        widen(mallory, role, GIVING[kind][0], "users.read")


@KINDS
def test_a_role_that_is_granted_around_it_may_be_widened_and_puts_nobody_in_charge(
    world: World, mallory: Person, kind: str
) -> None:
    name, role = world.owner(kind), world.role("users.read")
    for path in ("/", f"/{kind}", f"/{name}/below", f"/elsewhere/{name}"):
        world.house.grant(mallory.name, role, path)
    widen(mallory, role, "users.read", GIVING[kind][-1])
    with not_held():
        take(mallory, name)


CHAINS = [
    ("groups", "groups"),
    ("groups", "serviceAccounts"),
    ("serviceAccounts", "groups"),
    ("groups", "groups", "groups"),
    ("groups", "serviceAccounts", "groups"),
    ("serviceAccounts", "groups", "serviceAccounts"),
    ("groups", "groups", "groups", "groups"),
    ("users", "groups"),
    ("groups", "users", "serviceAccounts"),
]


@pytest.mark.parametrize("kinds", CHAINS, ids="-".join)
def test_being_in_charge_is_not_passed_on_through_others_who_are(
    world: World, mallory: Person, kinds: tuple[str, ...]
) -> None:
    for name in world.chain(*kinds):
        with not_held():
            take(mallory, name)
        with not_held():
            mallory.access.CreateGrant(path=f"/{name}", role=ADMIN, subject=mallory.name)
    assert not mallory.access.CheckAccess(permission="any.thing", path="/").allowed


def test_nor_by_a_group_within_one_that_is(world: World, mallory: Person) -> None:
    _, leads = world.chain("groups", "groups")
    inner = world.new("groups")
    world.house.admin.groups.AddMember(group=leads, member=inner)
    with not_held():
        take(mallory, inner)


@pytest.mark.parametrize("kinds", CHAINS, ids="-".join)
def test_who_was_put_in_charge_of_the_last_gets_at_the_last_alone(
    world: World, bob: Person, kinds: tuple[str, ...]
) -> None:
    *others, last = world.chain(*kinds)
    world.house.grant(bob.name, ADMIN, f"/{last}")
    for name in others:
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
            take(bob, name)
    take(bob, last, world.new("groups"))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("owned", [False, True])
def test_groups_in_charge_of_one_another_are_each_looked_at_once(
    world: World, mallory: Person, count: int, owned: bool
) -> None:
    groups = [world.new("groups") for _ in range(count)]
    for number, group in enumerate(groups):
        world.house.grant(group, ADMIN, f"/{groups[number - 1]}")
    if owned:
        world.house.grant(groups[0], OWNER)
        for group in groups:
            with not_held():
                take(mallory, group)
    else:
        for group in groups:
            take(mallory, group)


@pytest.mark.parametrize("kind", ["groups", "serviceAccounts"])
@pytest.mark.parametrize("before", ["the first", "another"])
def test_a_grant_made_before_there_was_anybody_of_the_name_puts_nobody_in_charge(
    world: World, mallory: Person, kind: str, before: str
) -> None:
    name = f"{kind}/later-{uuid4().hex[:12]}"
    admin = world.house.admin
    if before == "another":
        world.new(kind, name)
        if kind == "groups":
            admin.groups.DeleteGroup(name=name)
        else:
            admin.service_accounts.DeleteServiceAccount(name=name)
    mallory.access.CreateGrant(path=f"/{name}", role=ADMIN, subject=mallory.name)
    world.new(kind, name)
    world.house.grant(name, OWNER)
    with not_held():
        take(mallory, name)


@KINDS
@pytest.mark.parametrize("whom", ["me", "everyone", "my group", "my service"])
def test_nobody_is_in_charge_by_the_grant_that_they_are_making(
    world: World, mallory: Person, kind: str, whom: str
) -> None:
    name = world.owner(kind)
    subject = {"me": mallory.name, "everyone": "everyone"}.get(whom, "")
    if whom == "my group":
        subject = mallory.groups.CreateGroup(group={}).group.name
        mallory.groups.AddMember(group=subject, member="users/me")
    elif whom == "my service":
        subject = world.new("serviceAccounts")
        take(mallory, subject)
    with not_held():
        mallory.access.CreateGrant(path=f"/{name}", role=ADMIN, subject=subject)
    assert not world.house.admin.access.ListGrants(path=f"/{name}").grants


@KINDS
def test_a_role_of_ones_own_in_many_places_is_not_widened_in_one_that_is_not(
    world: World, mallory: Person, kind: str
) -> None:
    """However many come first of which one is in charge."""
    name, role = world.owner(kind), world.role("coffee.make")
    for _ in range(30):
        mine = world.new("groups")
        for given in (ADMIN, role):
            world.house.grant(mallory.name, given, f"/{mine}")
    world.house.grant(mallory.name, role, f"/{name}")
    with not_held():
        widen(mallory, role, "coffee.make", "groups.*", "serviceaccounts.*", "users.*")
    with not_held():
        take(mallory, name)
