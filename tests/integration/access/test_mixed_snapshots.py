"""What a decision is made of is true at one time, whatever is committed between two loads."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from service.access.models import Effect, State
from service.access.policy_repository import PolicyRepository
from tests.integration.access.steps import USERS
from tests.integration.access.world import World
from tests.support.reader import Reader

BOB, CAROL = USERS[0], USERS[1]
ALLOW, DENY = Effect.ALLOW, Effect.DENY
READER, WRITER = "roles/reader", "roles/writer"
WRITE, PATH = "docs.write", "/a"
Steps = list[tuple[Any, ...]]
# And not his grants.
FORGET_HIS_GROUPS: Steps = [("join", "groups/c", "groups/a")]


class Case(NamedTuple):
    """Never is Bob allowed; but he would be by what was so `before` and what is so afterwards."""

    before: Steps
    # Whose decisions are made before, and what then makes the reader forget a part.
    remembered: list[str]
    forgotten: Steps
    # What happens just before a load of which kind.
    loading: str
    between: Steps


CASES = {
    "his groups, then their grants": Case(
        [("join", "groups/a", BOB)],
        [],
        [],
        "groups/a",
        [("leave", 0), ("grant", "groups/a", PATH, WRITER, ALLOW, None)],
    ),
    "the grants of a group, then his groups": Case(
        [("join", "groups/a", CAROL), ("grant", "groups/a", PATH, WRITER, ALLOW, None)],
        [CAROL],
        [],
        BOB,
        [("ungrant", 0), ("join", "groups/a", BOB)],
    ),
    "groups of groups, then their grants": Case(
        [("join", "groups/a", BOB), ("join", "groups/b", "groups/a")],
        [],
        [],
        "groups/b",
        [("leave", 1), ("grant", "groups/b", "/", WRITER, ALLOW, None)],
    ),
    "everyone's groups, then their grants": Case(
        [("join", "groups/a", "everyone")],
        [],
        [],
        "groups/a",
        [("leave", 0), ("grant", "groups/a", PATH, WRITER, ALLOW, None)],
    ),
    "his grant, then what the role allows": Case(
        [("change_role", WRITER, READER), ("grant", BOB, PATH, WRITER, ALLOW, None)],
        [],
        [],
        WRITER,
        [("ungrant", 0), ("change_role", WRITER, WRITER)],
    ),
    "what the role allows, then his grant": Case(
        [("grant", CAROL, PATH, WRITER, ALLOW, None)],
        [CAROL],
        [],
        BOB,
        [("change_role", WRITER, READER), ("grant", BOB, PATH, WRITER, ALLOW, None)],
    ),
    "his grant, then the groups by which he is denied": Case(
        [
            ("grant", BOB, PATH, WRITER, ALLOW, None),
            ("join", "groups/a", BOB),
            ("grant", "groups/a", "/", WRITER, DENY, None),
        ],
        [BOB],
        FORGET_HIS_GROUPS,
        BOB,
        [("ungrant", 0), ("leave", 0)],
    ),
    "what is denied to all, then his grant": Case(
        [],
        [CAROL],
        [],
        BOB,
        [
            ("grant", "everyone", PATH, WRITER, DENY, None),
            ("grant", BOB, PATH, WRITER, ALLOW, None),
        ],
    ),
    "his grant, then whether he is suspended": Case(
        [
            ("join", "groups/a", BOB),
            ("grant", BOB, PATH, WRITER, ALLOW, None),
            ("set_state", BOB, State.SUSPENDED),
        ],
        [BOB],
        FORGET_HIS_GROUPS,
        BOB,
        [("ungrant", 0), ("set_state", BOB, State.ACTIVE)],
    ),
}
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def once(loading: str, happens: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets something happen just before the first load that asks for something."""
    load, done = PolicyRepository.load, []

    def load_after(self: PolicyRepository, after: int, **asked: Any) -> Any:
        if any(loading in names for names in asked.values()) and not done:
            done.append(True)
            happens()
        return load(self, after, **asked)

    monkeypatch.setattr(PolicyRepository, "load", load_after)


def decided_meanwhile(
    case: Case, world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """What the reader decides for Bob, while it happens."""
    happened: list[bool] = []

    def happen() -> None:
        for step in case.between:
            world.take([step])
            happened.append(world.now().allows(BOB, WRITE, PATH))

    world.take(case.before)
    reader.feed.read()
    for subject in case.remembered:
        reader.allows(subject, WRITE, PATH)
    world.take(case.forgotten)
    reader.feed.read()
    assert not world.now().allows(BOB, WRITE, PATH)
    once(case.loading, happen, monkeypatch)
    allowed = reader.allows(BOB, WRITE, PATH)
    assert happened == [False, False], "it did happen, and never was he allowed"
    return allowed


@EACH
def test_what_was_so_is_never_taken_with_what_is_so_now(
    case: Case, world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not decided_meanwhile(case, world, reader, monkeypatch)


@EACH
def test_it_would_be_were_it_not_for_the_changes_that_come_with_a_load(
    case: Case, world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = PolicyRepository.load

    def without_changes(self: PolicyRepository, after: int, **asked: Any) -> Any:
        _, found = load(self, after, **asked)
        return [], found

    monkeypatch.setattr(PolicyRepository, "load", without_changes)
    assert decided_meanwhile(case, world, reader, monkeypatch)
