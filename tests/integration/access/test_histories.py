"""Any history of grants, groups, roles and states: every decision is the oracle's."""

from typing import Any

from hypothesis import given, settings

from service.access.models import Check, Freshness
from tests.integration.access.steps import (
    HISTORIES,
    NOBODY,
    PATHS,
    PERMISSIONS,
    SUBJECTS,
)
from tests.integration.access.world import ANY, World

QUESTIONS = [
    Check(subject, permission, path)
    for subject in [*SUBJECTS, "everyone", NOBODY]
    for permission in PERMISSIONS
    for path in PATHS
]


def assert_agreed(world: World, freshness: Freshness) -> None:
    oracle, decided = world.now(), world.decide(QUESTIONS, freshness)
    for asked, allowed in zip(QUESTIONS, decided, strict=True):
        assert allowed is oracle.allows(asked.subject, asked.permission, asked.path), asked


@given(history=HISTORIES)
@settings(max_examples=35, deadline=None, derandomize=True)
def test_every_decision_is_the_oracles(two_replicas: World, history: list[Any]) -> None:
    world = two_replicas
    world.begin()
    for number, step in enumerate(history):
        world.take([step])
        fresh = Freshness(full=True) if number % 2 else Freshness(revision=world.revision)
        assert_agreed(world, fresh)
        assert_agreed(world, ANY)
