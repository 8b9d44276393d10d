"""Nobody passes on what they do not hold, so nobody who works together ever comes to hold more.

Others than the colluders do nothing after the start, and what a colluder can get at counts as held:
by a key of a service account, or by an e-mail address that a user's password can be reset by.
"""

from collections.abc import Iterator, Sequence
from random import Random

import pytest

from tests.integration.access.colluders import OWNER, Scene, Step, arrangement, attempt, scene
from tests.support.databases import Databases
from tests.support.house import House, house, settings

ATTEMPTS = 80
# A dozen each time, the others where there is time.
WORLDS = [*range(12), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(12, 60))]


@pytest.fixture(scope="module")
def shared_house(databases: Databases) -> Iterator[House]:
    """One of their own, where everyone may be granted anything."""
    with house(databases.new(), settings()) as running:
        yield running


@pytest.mark.parametrize("seed", WORLDS)
def test_colluders_never_hold_more_than_they_held_together(shared_house: House, seed: int) -> None:
    history = gaining_history(shared_house, Random(seed))
    if history:
        pytest.fail("\n".join(map(str, shortened(shared_house, history))), pytrace=False)


def gaining_history(house: House, chance: Random) -> list[Step]:
    """What was done in a random world up to the step by which the colluders gained; or nothing."""
    with scene(house) as world:
        history = [step for step in arrangement(chance) if world.take(step)]
        before = world.powers()
        for _ in range(ATTEMPTS):
            step = attempt(chance, world)
            if world.take(step):
                history.append(step)
                if world.powers() - before:
                    return history
    return []


def shortened(house: House, history: Sequence[Step]) -> list[Step]:
    """Those of the steps without which nothing is gained."""
    needed = list(history)
    for step in reversed(history):
        without = [it for it in needed if it is not step]
        with scene(house) as world:
            if gains(world, without):
                needed = without
    return needed


def gains(world: Scene, history: Sequence[Step]) -> bool:
    """Whether the colluders hold more after the history than the owner left them with."""
    for step in history:
        if step.who == OWNER:
            world.take(step)
    before = world.powers()
    for step in history:
        if step.who != OWNER:
            world.take(step)
    return bool(world.powers() - before)
