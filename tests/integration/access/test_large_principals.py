"""Who was granted very much: decided path by path, and forgotten path by path."""

import pytest

from service.access import policy
from service.access.models import Check, Effect
from service.access.policy_repository import MOST_GRANTS, PolicyRepository
from service.kernel.errors import InvalidArgument
from tests.integration.access.steps import ROLES, USERS
from tests.integration.access.world import World
from tests.support.reader import Reader

BOB = USERS[0]
BIG = "groups/a"
READ = "docs.read"
_MANY = """
INSERT INTO grants (id, path, role, subject)
SELECT gen_random_uuid(), '/many/' || n, 'roles/reader', :subject FROM generate_series(1, :count) n
"""
_STRANGERS = "INSERT INTO subjects SELECT 'groups/s' || n, 'ACTIVE' FROM generate_series(1, 1000) n"
_THEIRS = """
INSERT INTO grants (id, path, role, subject)
SELECT gen_random_uuid(), '/s/' || n, 'roles/reader', 'groups/s' || n
FROM generate_series(1, 1000) n
"""


def give_much(world: World, count: int) -> None:
    """To the group, in one go, before anybody remembers it."""
    world.sql(_MANY, subject=BIG, count=count)


@pytest.fixture
def big(world: World) -> World:
    """Bob is in a group with more grants than are loaded whole."""
    give_much(world, MOST_GRANTS + 1)
    world.take([("join", BIG, BOB)])
    return world


def test_of_very_many_grants_each_counts(big: World, reader: Reader) -> None:
    for number in (1, 7, MOST_GRANTS + 1):
        assert reader.allows(BOB, READ, f"/many/{number}/below/it")
    assert not reader.allows(BOB, READ, f"/many/{MOST_GRANTS + 2}")
    assert not reader.allows(BOB, READ, "/many")
    assert not reader.policy.held.entries[BIG].complete


def test_a_thousand_grants_are_still_loaded_whole(world: World, reader: Reader) -> None:
    give_much(world, MOST_GRANTS)
    world.take([("join", BIG, BOB)])
    assert reader.allows(BOB, READ, "/many/1000")
    assert reader.policy.held.entries[BIG].complete


def test_what_is_granted_on_a_path_that_was_asked_about_is_known(
    big: World, reader: Reader
) -> None:
    assert not reader.allows(BOB, READ, "/new/below")
    big.grant(BIG, "/new", "roles/reader", Effect.ALLOW, None)
    reader.feed.read()
    assert reader.allows(BOB, READ, "/new/below")


def test_a_denial_above_takes_it_away(big: World, reader: Reader) -> None:
    assert reader.allows(BOB, READ, "/many/7")
    big.grant(BIG, "/many", "roles/reader", Effect.DENY, None)
    reader.feed.read()
    assert not reader.allows(BOB, READ, "/many/7")


def test_a_change_on_one_path_makes_none_of_the_others_load_again(
    big: World, reader: Reader
) -> None:
    assert reader.allows(BOB, READ, "/many/7")
    big.grant(BIG, "/elsewhere", "roles/reader", Effect.ALLOW, None)
    reader.feed.read()
    loads = reader.policy.misses
    assert reader.allows(BOB, READ, "/many/7")
    assert reader.policy.misses == loads


def test_who_comes_to_have_very_many_is_decided_right(world: World, reader: Reader) -> None:
    give_much(world, MOST_GRANTS)
    world.take([("join", BIG, BOB)])
    assert reader.allows(BOB, READ, "/many/7")
    world.grant(BIG, "/one/more", "roles/reader", Effect.ALLOW, None)
    reader.feed.read()
    assert reader.allows(BOB, READ, "/one/more")
    assert reader.allows(BOB, READ, "/many/7")
    world.ungrant(0)
    reader.feed.read()
    assert not reader.allows(BOB, READ, "/one/more")


def test_bob_leaves_and_then_a_path_is_granted_between_two_loads(
    big: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = PolicyRepository.load
    steps = [("leave", 0), ("grant", BIG, "/late", "roles/reader", Effect.ALLOW, None)]

    def load_after(self: PolicyRepository, after: int, **asked: object) -> object:
        if asked["places"] and steps:
            big.take([steps.pop(0), steps.pop(0)])
        return load(self, after, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(PolicyRepository, "load", load_after)
    assert not reader.allows(BOB, READ, "/late")
    assert not steps


def test_a_batch_about_a_thousand_subjects_is_decided_in_few_loads(
    world: World, reader: Reader
) -> None:
    world.sql(_STRANGERS)
    world.sql(_THEIRS)
    checks = [Check(f"groups/s{n}", READ, f"/s/{n + n % 2}/a/b") for n in range(1, 1001)]
    allowed, _ = reader.decisions.decide(checks)
    assert allowed == [n % 2 == 0 for n in range(1, 1001)]
    assert reader.policy.misses <= 3
    assert set(ROLES) >= set(reader.policy.roles)
    world.sql("DELETE FROM grants WHERE subject LIKE 'groups/s%'")
    world.sql("DELETE FROM subjects WHERE name LIKE 'groups/s%'")


def test_more_paths_than_there_is_room_for_are_not_asked_about_at_once(
    big: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "_MOST_PLACES", 100)
    checks = [Check(BOB, READ, f"/many/{number}/x/y") for number in range(50)]
    with pytest.raises(InvalidArgument, match="ask for fewer"):
        reader.decisions.decide(checks)
    assert reader.decisions.decide(checks[1:11])[0] == [True] * 10
