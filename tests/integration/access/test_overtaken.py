"""What changes while a decision is being made: the decision is of before or of after, whole."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from service.access.look import Look
from service.access.models import Check, Effect, Freshness
from service.access.policy_repository import PAGE, PolicyRepository
from service.kernel.changes import Change, ChangeKind
from tests.integration.access.steps import USERS
from tests.integration.access.world import World
from tests.support.reader import Reader

BOB, CAROL = USERS[:2]
READ, READER = "docs.read", "roles/reader"
ALLOW = Effect.ALLOW
_NEWER = text("SELECT kind, key, position FROM changes WHERE position > :after ORDER BY position")
# Of no interest to decisions, but in their way.
_MANY_CHANGES = """
INSERT INTO changes (kind, key) SELECT 'session.revoked', n::text FROM generate_series(1, :count) n
"""


def hear_early(reader: Reader) -> None:
    """The reader hears of commits as of its own: before its feed has read up to them."""
    with reader.database.reading() as connection:
        rows = connection.execute(_NEWER, {"after": reader.policy.position}).all()
    reader.policy.apply([Change(ChangeKind(it.kind), it.key, position=it.position) for it in rows])


HEARD = {"from the feed": lambda reader: reader.feed.read(), "as its own": hear_early}


@pytest.mark.parametrize("hear", HEARD.values(), ids=HEARD)
def test_what_was_loaded_before_a_change_that_is_known_is_not_kept(
    world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch, hear: Callable[[Reader], None]
) -> None:
    load, steps = PolicyRepository.load, [("ungrant", 0)]
    world.grant(BOB, "/a", READER, ALLOW, None)
    world.grant(CAROL, "/a", READER, ALLOW, None)
    reader.feed.read()
    assert reader.allows(CAROL, READ, "/a"), "so that the role need not be loaded"

    def load_slowly(self: PolicyRepository, after: int, **asked: Any) -> Any:
        loaded = load(self, after, **asked)
        if BOB in asked["principals"] and steps:
            world.take([steps.pop()])
            hear(reader)
        return loaded

    monkeypatch.setattr(PolicyRepository, "load", load_slowly)
    assert not reader.allows(BOB, READ, "/a")
    assert not steps
    assert not reader.allows(BOB, READ, "/a")


@pytest.fixture
def between_questions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], object]]]:
    """What happens between the first question of a batch and the second."""
    allows, waiting = Look.allows, []

    def then(self: Look, check: Check) -> bool:
        allowed = allows(self, check)
        while waiting and check.path == "/first":
            waiting.pop(0)()
        return allowed

    monkeypatch.setattr(Look, "allows", then)
    yield waiting
    assert not waiting


def test_a_batch_is_all_of_one_revision(
    world: World, reader: Reader, between_questions: list[Callable[[], object]]
) -> None:
    questions = [Check(BOB, READ, path) for path in ("/first", "/second")]
    world.grant(BOB, "/first", READER, ALLOW, None)
    reader.feed.read()
    assert reader.decisions.decide(questions)[0] == [True, False]
    steps = [("ungrant", 0), ("grant", BOB, "/second", READER, ALLOW, None)]

    def happen() -> None:
        world.take(steps)
        reader.feed.read()
        assert reader.allows(BOB, READ, "/second"), "as somebody else asked meanwhile"

    between_questions.append(happen)
    allowed, revision = reader.decisions.decide(questions)
    assert (allowed, revision) == ([False, True], world.revision)


def test_who_is_far_behind_catches_up_before_an_answer(world: World, reader: Reader) -> None:
    world.grant(BOB, "/a", READER, ALLOW, None)
    reader.feed.read()
    assert reader.allows(BOB, READ, "/a")
    world.sql(_MANY_CHANGES, count=2 * PAGE)
    world.ungrant(0)
    world.sql(_MANY_CHANGES, count=PAGE)
    assert reader.decisions.decide([Check(BOB, READ, "/a")], Freshness(full=True))[0] == [False]


def test_more_changes_than_one_load_brings_are_all_applied(world: World, reader: Reader) -> None:
    world.join("groups/a", BOB)
    world.grant("groups/b", "/b", READER, ALLOW, None)
    reader.feed.read()
    assert not reader.allows(BOB, READ, "/a")
    world.sql(_MANY_CHANGES, count=PAGE + 1)
    world.leave(0)
    world.grant("groups/a", "/a", READER, ALLOW, None)
    reader.policy.held.drop("groups/a")
    assert not reader.allows(BOB, READ, "/a")
