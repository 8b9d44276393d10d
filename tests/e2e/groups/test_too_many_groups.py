"""Groups are nested as far as decisions and explanations can follow quickly, and no further."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.databases import Databases
from tests.support.house import House, house, settings
from tests.support.refusals import FAILED_PRECONDITION, refused

_GROUPS = """
INSERT INTO subjects (name, state) SELECT name, 'ACTIVE' FROM (SELECT {name} AS name
    FROM generate_series(1, :count) n) made
"""
_ROWS = """
INSERT INTO groups (name, display_name, description, create_time, update_time, version)
SELECT {name}, '', '', clock_timestamp(), clock_timestamp(), 1 FROM generate_series(1, :count) n
"""
Made = Callable[[str, int], list[str]]


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[House]:
    """A house of one's own, for it gets many groups behind the service's back."""
    with house(databases.new(), settings()) as running:
        yield running


def new_group(large: House) -> str:
    return str(large.admin.groups.CreateGroup(group={}).group.name)


def new_groups(large: House, count: int) -> list[str]:
    """So many groups, in no time."""
    base = f"{new_group(large)}."
    name = "CAST(:base AS text) || n"
    for statement in (_GROUPS, _ROWS):
        large.sql(statement.format(name=name), base=base, count=count)
    return [f"{base}{number}" for number in range(1, count + 1)]


def put_in(large: House, pairs: list[tuple[str, str]]) -> None:
    """Each the member of the other, in no time."""
    large.sql(
        "INSERT INTO memberships (group_name, member)"
        " SELECT * FROM unnest(CAST(:groups AS text[]), CAST(:members AS text[]))",
        groups=[group for group, _ in pairs],
        members=[member for _, member in pairs],
    )


def chain(large: House, count: int) -> list[str]:
    """Groups each of which is in the next."""
    groups = new_groups(large, count)
    put_in(large, list(zip(groups[1:], groups, strict=False)))
    return groups


def join(large: House, group: str, member: str) -> None:
    large.admin.groups.AddMember(group=group, member=member)


def too_many(large: House, group: str, member: str) -> None:
    with refused(FAILED_PRECONDITION, reason="TOO_MANY_GROUPS") as refusal:
        join(large, group, member)
    assert refusal.preconditions == ("ERROR_REASON_TOO_MANY_GROUPS",)
    assert member not in large.admin.groups.ListMembers(group=group, page_size=1000).members


@pytest.mark.parametrize(("kind", "most"), [("user", 1000), ("service", 1000), ("everyone", 20)])
def test_one_is_put_into_so_many_groups_at_most(large: House, kind: str, most: int) -> None:
    member = {"user": lambda: large.new_user().name, "service": lambda: large.new_service().name}
    who = member.get(kind, lambda: "everyone")()
    groups = new_groups(large, most + 1)
    put_in(large, [(group, who) for group in groups[2:]])
    join(large, groups[1], who)
    join(large, groups[1], who)
    too_many(large, groups[0], who)
    large.admin.groups.RemoveMember(group=groups[1], member=who)
    join(large, groups[0], who)
    large.admin.groups.RemoveMember(group=groups[0], member=who)
    large.sql("DELETE FROM memberships WHERE member = :who", who=who)


def test_a_user_may_be_in_more_through_others(large: House) -> None:
    who, outer = large.new_user().name, chain(large, 100)
    groups = new_groups(large, 950)
    put_in(large, [(group, who) for group in groups])
    put_in(large, [(outer[1], group) for group in groups])
    join(large, outer[0], who)
    assert large.admin.access.CheckAccess(subject=who, permission="a.b", path="/").revision


@pytest.mark.parametrize("shape", ["a chain", "side by side", "both"])
def test_a_group_is_in_a_hundred_others_at_most(large: House, shape: str) -> None:
    member = new_group(large)
    if shape == "a chain":
        enough, more = chain(large, 100)[0], chain(large, 101)[0]
    else:
        lone = 99 if shape == "side by side" else 50
        put_in(large, [(group, member) for group in new_groups(large, lone)])
        enough, more = chain(large, 100 - lone)[0], chain(large, 101 - lone)[0]
    too_many(large, more, member)
    join(large, enough, member)
    too_many(large, new_group(large), member)


@pytest.mark.parametrize("depth", [1, 30])
def test_nor_does_a_group_far_below_come_into_more(large: House, depth: int) -> None:
    inner = chain(large, depth)
    member, outer = new_group(large), chain(large, 100)
    join(large, member, inner[-1])
    too_many(large, outer[depth - 1], member)
    join(large, outer[depth], member)


def test_a_group_that_is_reached_in_many_ways_counts_once(large: House) -> None:
    member, top, *middle = new_groups(large, 101)
    put_in(large, [(group, member) for group in middle])
    put_in(large, [(top, group) for group in middle[1:]])
    join(large, top, middle[0])
    too_many(large, new_group(large), member)


@pytest.mark.parametrize("shape", ["side by side", "in chains"])
def test_a_thousand_groups_are_in_one_that_is_put_into_another_at_most(
    large: House, shape: str
) -> None:
    member, outer = new_group(large), new_group(large)
    groups = new_groups(large, 1000)
    tops = groups if shape == "side by side" else groups[9::10]
    put_in(large, [(member, group) for group in tops])
    if shape == "in chains":
        pairs = zip(groups[1:], groups, strict=False)
        put_in(large, [pair for number, pair in enumerate(pairs, 1) if number % 10])
    join(large, outer, member)
    large.admin.groups.RemoveMember(group=outer, member=member)
    put_in(large, [(groups[0], new_group(large))])
    too_many(large, outer, member)
