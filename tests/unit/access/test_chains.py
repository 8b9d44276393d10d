"""How a grant comes to its subject is told truly, in the fewest steps, and of a hundred at most."""

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.access.explanation import explain
from service.access.models import EVERYONE, Check, Effect, Grant, State, Step
from service.access.reach_repository import Why

ADA = "users/0190a5b4-0000-7000-8000-000000000001"
CHECK = Check(ADA, "docs.read", "/a")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
Edges = set[tuple[str, str]]


def granted(subject: str, effect: Effect = Effect.ALLOW) -> Step:
    grant = Grant(UUID(int=0), "/a", "roles/r", subject, effect, None, _NOW, "")
    return Step("/a", subject, effect, "docs.read", grant)


class Looked(dict[str, list[str]]):
    """Groups by member, and how often each was looked up."""

    def __init__(self, edges: Edges) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        for member, group in sorted(edges):
            self.setdefault(member, []).append(group)

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
        self.counts[key] += 1
        return super().get(key, default)

    def __getitem__(self, key: str) -> list[str]:
        self.counts[key] += 1
        return super().__getitem__(key)


def distances(edges: Edges) -> dict[str, int]:
    """How far each group is, found by trying all edges again and again."""
    found = {ADA: 0, EVERYONE: 0}
    for _ in edges:
        for member, group in edges:
            if member in found:
                found[group] = min(found.get(group, found[member] + 1), found[member] + 1)
    return found


def layers(count: int, width: int) -> Edges:
    """Groups in layers, each in all of the next layer; the subject is in all of the first."""
    of = [[f"groups/g{layer}-{n}" for n in range(width)] for layer in range(count)]
    first = {(ADA, group) for group in of[0]}
    return first.union(
        *({(low, up) for low in lower for up in upper} for lower, upper in pairwise(of))
    )


_groups = st.integers(0, 11).map(lambda number: f"groups/{number:02}")
_upward = st.tuples(_groups, _groups).filter(lambda pair: pair[0] < pair[1])
_first = st.tuples(st.sampled_from([ADA, EVERYONE]), _groups)


@given(edges=st.sets(_first, min_size=1), more=st.sets(_upward), denied=st.booleans())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_each_step_comes_by_memberships_and_no_way_is_shorter(
    edges: Edges, more: Edges, denied: bool
) -> None:
    edges, far = edges | more, distances(edges | more)
    steps = [granted(subject, effect) for subject in sorted(far) for effect in Effect]
    if not denied:
        steps = [step for step in steps if step.effect is Effect.ALLOW]
    found = explain(CHECK, Why(State.ACTIVE, Looked(edges), steps, ""))
    assert [it.subject for it in found.steps] == sorted(far)
    assert (found.denied_by is not None) is denied
    for step in [*found.steps, *([found.denied_by] if found.denied_by else [])]:
        way = [step.member, *step.chain]
        assert way[0] in {ADA, EVERYONE}
        assert way[-1] == step.subject
        assert set(pairwise(way)) <= edges
        assert len(step.chain) == far[step.subject]


@pytest.mark.parametrize(("count", "width"), [(10, 30), (100, 3), (1, 300)])
def test_a_hundred_steps_are_told_and_the_first_denial(count: int, width: int) -> None:
    edges = layers(count, width)
    groups = sorted({group for _, group in edges})
    steps = [granted(group, effect) for group in groups for effect in Effect]
    found = explain(CHECK, Why(State.ACTIVE, Looked(edges), steps, ""))
    assert [step.subject for step in found.steps] == groups[:100]
    assert all(step.chain[-1] == step.subject for step in found.steps)
    assert found.denied_by is not None
    assert found.denied_by.subject == groups[0]


def test_every_group_is_looked_at_once_however_many_steps_there_are() -> None:
    edges = layers(10, 30)
    groups = Looked(edges)
    steps = [granted(group) for group in sorted({group for _, group in edges})]
    explain(CHECK, Why(State.ACTIVE, groups, steps, ""))
    assert set(groups.counts.values()) == {1}
    assert set(groups.counts) == {ADA, EVERYONE} | {group for _, group in edges}
