"""In any world, an explanation says what the check says, and its advice is good."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings

from service.access.models import Check, Effect, Explanation, NewGrant
from tests.integration.access.steps import ANY_WORLD, SUBJECTS, paths, permissions, subjects
from tests.integration.access.world import ANY, World
from tests.support.oracle import covers, matches, owns

ADA = SUBJECTS[0]
_NESTED = [("join", "groups/a", ADA), ("join", "groups/b", "groups/a")]
OFTEN = ["docs.read", "users.read", "files.read"]


def _given(whom: str) -> tuple[Any, ...]:
    return ("grant", whom, "/a", "roles/reader", Effect.ALLOW, None)


def explained(world: World, check: Check) -> Explanation:
    return world.here.access.explain(world.as_(check.subject), check, ANY)[0]


def roles_of(world: World) -> dict[str, set[str]]:
    """What each role allows, those of the service too."""
    roles: dict[str, set[str]] = {}
    with world.here.database.reading() as connection:
        for role, pattern in connection.exec_driver_sql(
            "SELECT role, permission FROM role_permissions"
        ):
            roles.setdefault(role, set()).add(pattern)
    return roles


def size_of(patterns: set[str]) -> tuple[bool, int, int]:
    """How much a role allows: everything, how many whole types, how many entries."""
    return "*" in patterns, sum(it.endswith(".*") for it in patterns), len(patterns)


@given(steps=ANY_WORLD, path=paths)
@settings(max_examples=12, deadline=None, derandomize=True)
def test_an_explanation_says_what_the_check_says_and_names_what_is_why(
    two_replicas: World, steps: list[Any], path: str
) -> None:
    world = two_replicas.built(steps)
    for subject, permission, where in product([*SUBJECTS, "everyone"], OFTEN, {path, "/a/b"}):
        assert_explained(world, subject, permission, where)


def assert_explained(world: World, subject: str, permission: str, path: str) -> None:
    found, oracle = explained(world, Check(subject, permission, path)), world.now()
    assert found.allowed is oracle.allows(subject, permission, path)
    effects = oracle.effects(subject, permission, path) if subject in oracle.active else set()
    denies = "DENY" in effects and not owns(subject, permission, path)
    assert (found.denied_by is not None) is denies
    assert any(step.grant for step in found.steps) is ("ALLOW" in effects)
    for step in found.steps + ([found.denied_by] if found.denied_by else []):
        assert covers(step.path, path)
        assert matches(step.pattern, permission)
        way = [step.member or subject, *step.chain]
        assert way[0] in {subject, "everyone"}
        assert set(zip(way[1:], way, strict=False)) <= oracle.members
        assert way[-1] == step.subject


@given(steps=ANY_WORLD, subject=subjects, permission=permissions, path=paths)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_smallest_grant_is_offered_when_a_grant_helps_and_it_does(
    two_replicas: World, steps: list[Any], subject: str, permission: str, path: str
) -> None:
    world = two_replicas.built(steps)
    check = Check(subject, permission, path)
    found, oracle = explained(world, check), world.now()
    denied = "DENY" in oracle.effects(subject, permission, path)
    lacks = not found.allowed and not denied and subject in oracle.active
    assert found.a_grant_would_help is lacks
    if lacks:
        role = found.suggested_role
        fitting = [
            it for it in roles_of(world).values() if any(matches(one, permission) for one in it)
        ]
        assert size_of(roles_of(world)[role]) == min(map(size_of, fitting))
        new = NewGrant(path, role, subject, Effect.ALLOW, None)
        made = world.here.access.create_grant(world.as_admin(), new).value
        assert world.decide([check]) == [True]
        world.here.access.delete_grant(world.as_admin(), made.id)
        assert world.decide([check]) == [False]


@pytest.mark.parametrize(
    ("steps", "member", "chain"),
    [
        ([_given(ADA)], ADA, ()),
        ([_given("groups/a"), ("join", "groups/a", ADA)], ADA, ("groups/a",)),
        ([_given("groups/b"), *_NESTED], ADA, ("groups/a", "groups/b")),
        ([_given("everyone")], "everyone", ()),
        ([_given("groups/a"), ("join", "groups/a", "everyone")], "everyone", ("groups/a",)),
    ],
)
def test_a_step_tells_the_way_by_which_a_grant_comes_to_somebody(
    world: World, steps: list[Any], member: str, chain: tuple[str, ...]
) -> None:
    world.take(steps)
    [step] = explained(world, Check(ADA, "docs.read", "/a/b")).steps
    assert (step.member, step.chain, step.path) == (member, chain, "/a")
