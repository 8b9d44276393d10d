"""What is looked at while everybody who writes waits is bounded: each right once, or a refusal."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from service.access import delegation
from service.access.models import Permissions
from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings
from tests.support.refusals import PERMISSION_DENIED, refused

_GRANTS = """
INSERT INTO grants (id, path, role, subject)
SELECT gen_random_uuid(), CAST(:under AS text) || n, :role, :subject
FROM generate_series(1, :count) n
"""
KEEPER = "roles/keeper"


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[House]:
    """A house of one's own, for it gets many grants behind the service's back."""
    with house(databases.new(), settings()) as running:
        keeper = {"name": KEEPER, "permissions": ["groups.*", "serviceaccounts.*", "roles.*"]}
        running.admin.roles.CreateRole(role=keeper)
        yield running


@pytest.fixture
def keeper(large: House) -> Person:
    """May put people into any group, and make keys of any service account."""
    return large.new_person(KEEPER)


@pytest.fixture
def group(large: House) -> str:
    return str(large.admin.groups.CreateGroup(group={}).group.name)


def new_role(large: House, patterns: int) -> str:
    name = f"roles/it-{uuid4().hex[:12]}"
    permissions = [f"things.do_{number}" for number in range(patterns)]
    large.admin.roles.CreateRole(role={"name": name, "permissions": permissions})
    return name


def give(large: House, role: str, count: int, *subjects: str) -> str:
    """Grants the role on so many paths, in no time; answers what they are below."""
    under = f"/much-{uuid4().hex[:12]}/"
    for subject in subjects:
        large.sql(_GRANTS, under=under, role=role, subject=subject, count=count)
    return under


def by_the_keeper(keeper: Person, group: str) -> Any:
    return keeper.groups.AddMember(group=group, member="users/me")


def too_much(keeper: Person, group: str) -> None:
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        by_the_keeper(keeper, group)
    assert refusal.message.endswith(f"what {group} was granted is too much to look at.")
    assert refusal.metadata == {"permission": "*", "path": "/"}


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each pattern that was held against what somebody holds."""
    allows, seen = Permissions.allows, []

    def allows_and_tells(self: Permissions, pattern: str) -> bool:
        seen.append(pattern)
        return allows(self, pattern)

    monkeypatch.setattr(Permissions, "allows", allows_and_tells)
    return seen


@pytest.mark.parametrize(("grants", "patterns"), [(1000, 20), (100, 200)])
def test_each_pattern_of_each_grant_is_compared_with_what_is_held_there_alone(
    large: House, keeper: Person, group: str, compared: list[str], grants: int, patterns: int
) -> None:
    give(large, new_role(large, patterns), grants, group, keeper.name)
    compared.clear()
    by_the_keeper(keeper, group)
    assert 20_000 <= sum(it.startswith("things.") for it in compared) <= 2 * 20_000
    assert len(compared) <= 3 * 20_000


@pytest.mark.parametrize(("grants", "patterns"), [(1001, 1), (101, 200), (1000, 21)])
def test_what_is_more_is_refused_before_it_is_compared(
    large: House, keeper: Person, group: str, compared: list[str], grants: int, patterns: int
) -> None:
    give(large, new_role(large, patterns), grants, group, keeper.name)
    compared.clear()
    too_much(keeper, group)
    assert len([it for it in compared if it.startswith("things.")]) == 0


def test_no_more_rows_are_read_than_are_looked_at(
    large: House, keeper: Person, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    of = delegation.HoldingsRepository.of

    def of_and_tells(self: Any, subject: str, limit: int) -> Any:
        found = of(self, subject, limit)
        read.append(len(found))
        return found

    monkeypatch.setattr(delegation.HoldingsRepository, "of", of_and_tells)
    give(large, new_role(large, 1), 3000, group)
    too_much(keeper, group)
    assert read == [1001]


def test_who_was_granted_very_much_there_is_refused_too(
    large: House, keeper: Person, group: str
) -> None:
    under = give(large, new_role(large, 1), 1, group)
    large.sql(
        "INSERT INTO grants (id, path, role, subject, effect)"
        " SELECT gen_random_uuid(), :path || n, 'roles/member', :it, 'DENY'"
        " FROM generate_series(1, 5001) n",
        path=f"{under}1/",
        it=keeper.name,
    )
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        by_the_keeper(keeper, group)
    assert "more grants there than can be looked at" in refusal.message


def test_an_owner_is_not_refused_however_much_is_denied_everyone(large: House, group: str) -> None:
    under = give(large, new_role(large, 1), 1, group)
    large.sql(
        "INSERT INTO grants (id, path, role, subject, effect)"
        " SELECT gen_random_uuid(), :path || n, 'roles/member', 'everyone', 'DENY'"
        " FROM generate_series(1, 5001) n",
        path=f"{under}1/",
    )
    by_the_keeper(large.new_person("roles/owner"), group)


@pytest.mark.parametrize("who", ["an owner", "who is in charge"])
def test_who_need_not_be_compared_is_not_refused(large: House, group: str, who: str) -> None:
    give(large, new_role(large, 1), 1001, group)
    able = large.new_person("roles/owner" if who == "an owner" else "")
    if who == "who is in charge":
        large.grant(able.name, "roles/admin", f"/{group}")
    by_the_keeper(able, group)


@pytest.mark.parametrize("is_refused", [False, True])
def test_so_many_groups_in_charge_of_one_another_are_followed_and_no_more(
    large: House, keeper: Person, monkeypatch: pytest.MonkeyPatch, is_refused: bool
) -> None:
    monkeypatch.setattr(delegation, "_MOST_ASKED", 4)
    role = f"roles/it-{uuid4().hex[:12]}"
    large.admin.roles.CreateRole(role={"name": role, "permissions": ["groups.add_member"]})
    count = 5 if is_refused else 4
    groups = [large.admin.groups.CreateGroup(group={}).group.name for _ in range(count)]
    for lower, upper in pairwise(groups):
        large.grant(lower, role, f"/{upper}")
    if not is_refused:
        by_the_keeper(keeper, groups[0])
        return
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        by_the_keeper(keeper, groups[0])
    assert refusal.message.endswith("is too much to look at.")
