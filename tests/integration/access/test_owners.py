"""In any world, `/` is owned when an active user owns it who can mend things, however they do."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from service.access.graph_repository import GraphRepository
from service.access.models import State
from service.kernel.call import Call
from tests.integration.access.steps import ADA, BOT, GROUPS, USERS
from tests.integration.access.world import World
from tests.support.oracle import Oracle

OWNER, ROLES = "roles/owner", ["roles/owner", "roles/docs", "roles/reader", "roles/admin"]
_GRANT = text(
    "INSERT INTO grants (id, path, role, subject, effect, expire_time) VALUES"
    " (gen_random_uuid(), :path, :role, :subject, :effect, clock_timestamp() + :seconds * interval"
    " '1 second') ON CONFLICT DO NOTHING"
)
_JOIN = text("INSERT INTO memberships VALUES (:group, :member) ON CONFLICT DO NOTHING")
A, B, C = GROUPS

_subjects = st.sampled_from([*USERS, BOT, *GROUPS, "everyone"])
_grants = st.tuples(
    _subjects,
    st.sampled_from(["/", "/", "/", "/a"]),
    st.sampled_from([OWNER, *ROLES]),
    st.sampled_from(["ALLOW", "ALLOW", "DENY"]),
    st.sampled_from([None, None, 60.0, -60.0]),
)
_joins = st.tuples(st.sampled_from(GROUPS), _subjects).filter(lambda it: it[1] < it[0])
_everyones = st.tuples(st.sampled_from(GROUPS), st.sampled_from([*USERS, BOT, "everyone"]))
Grants = Sequence[tuple[Any, ...]]


def is_owned(world: World, grants: Grants, joins: set[tuple[str, str]], away: set[str]) -> bool:
    """What the service would say; nothing of it stays."""
    with world.here.database.transaction(Call.internal("test")) as tx:
        run = tx.connection.execute
        run(text("DELETE FROM grants"))
        run(text("DELETE FROM memberships"))
        for subject, path, role, effect, seconds in grants:
            row = {"path": path, "role": role, "subject": subject, "effect": effect}
            run(_GRANT, row | {"seconds": seconds})
        for group, member in sorted(joins):
            run(_JOIN, {"group": group, "member": member})
        for subject in away:
            GraphRepository(tx.connection).set_state(subject, State.SUSPENDED)
        return GraphRepository(tx.connection).has_owner()


def judge(grants: Grants, joins: set[tuple[str, str]], away: set[str]) -> Oracle:
    """The oracle of the same world."""
    oracle = Oracle({"everyone", *USERS, BOT, *GROUPS} - away, joins)
    oracle.roles = {
        OWNER: {"*"},
        "roles/docs": {"docs.*", "grants.delete"},
        "roles/reader": {"docs.read"},
        "roles/admin": {"grants.*", "users.*"},
    }
    oracle.grants = [(*grant, seconds) for *grant, seconds in grants]
    return oracle


ALLOWED_UP = [(C, "/", OWNER, "ALLOW", None)]
NESTED = {(C, B), (B, A), (A, ADA)}
CASES: dict[str, tuple[Grants, set[tuple[str, str]], set[str], bool]] = {
    "by a group in a group": (ALLOWED_UP, NESTED, set(), True),
    "suspended": (ALLOWED_UP, NESTED, {ADA}, False),
    "a service alone": (ALLOWED_UP, {(C, B), (B, BOT)}, set(), False),
    "denied by the same groups": (
        [*ALLOWED_UP, (C, "/", "roles/admin", "DENY", None)],
        NESTED,
        set(),
        False,
    ),
    "denied in the middle": (
        [*ALLOWED_UP, (B, "/", "roles/docs", "DENY", None)],
        NESTED,
        set(),
        False,
    ),
    "denied by everyone's group": (
        [*ALLOWED_UP, (B, "/", "roles/docs", "DENY", None)],
        {(C, ADA), (B, A), (A, "everyone")},
        set(),
        False,
    ),
    "denied by another nested group": (
        [(ADA, "/", OWNER, "ALLOW", None), (C, "/", OWNER, "DENY", None)],
        NESTED,
        set(),
        False,
    ),
    "denied for a while": ([*ALLOWED_UP, (B, "/", OWNER, "DENY", 60.0)], NESTED, set(), False),
    "denied once": ([*ALLOWED_UP, (B, "/", OWNER, "DENY", -60.0)], NESTED, set(), True),
    "denied below": ([*ALLOWED_UP, (B, "/a", OWNER, "DENY", None)], NESTED, set(), True),
    "denied to a group beside": (
        [*ALLOWED_UP, (B, "/", OWNER, "DENY", None)],
        {(C, ADA), (B, USERS[1])},
        set(),
        True,
    ),
    "one of them denied": (
        [*ALLOWED_UP, (ADA, "/", OWNER, "DENY", None)],
        {*NESTED, (B, USERS[1])},
        set(),
        True,
    ),
    "for a while": ([(C, "/", OWNER, "ALLOW", 60.0)], NESTED, set(), False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_owner_is_found_and_one_who_is_bound_is_none(world: World, case: Any) -> None:
    grants, joins, away, owned = case
    assert judge(grants, joins, away).is_owned() is owned
    assert is_owned(world, grants, joins, away) is owned


@given(
    grants=st.lists(_grants, max_size=6),
    joins=st.sets(_joins | _everyones, max_size=8),
    away=st.sets(st.sampled_from(USERS), max_size=2),
)
@example(grants=ALLOWED_UP, joins=NESTED, away=set())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_in_any_world_the_judge_says_the_same(
    two_replicas: World, grants: Grants, joins: set[tuple[str, str]], away: set[str]
) -> None:
    oracle, owned = judge(grants, joins, away), is_owned(two_replicas, grants, joins, away)
    if "ALLOW" in oracle.effects("everyone", "a.b", "/"):
        assert oracle.is_owned() or not owned, "that everyone owns it is no reason to let it go"
    else:
        assert oracle.is_owned() is owned
