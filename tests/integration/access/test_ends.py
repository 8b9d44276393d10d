"""What a grant gives or takes ends when it says, though nobody writes anything."""

import pytest

from service.access.models import Check, Effect, NewGrant
from service.storage.pages import PageRequest
from tests.integration.access.steps import USERS
from tests.integration.access.world import ANY, World
from tests.support.reader import Reader

ADA, PATH, READER = USERS[0], "/a", "roles/reader"
QUESTION = Check(ADA, "docs.read", PATH)
MINUTE = 60.0
WAYS = {
    "to oneself": [("grant", ADA, PATH, READER, Effect.ALLOW, MINUTE)],
    "to everyone": [("grant", "everyone", "/", READER, Effect.ALLOW, MINUTE)],
    "to a group": [
        ("join", "groups/a", ADA),
        ("grant", "groups/a", "/", READER, Effect.ALLOW, MINUTE),
    ],
}
EACH = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
GOOD = ("grant", ADA, PATH, READER, Effect.ALLOW, None)
DENIED = ("grant", ADA, "/", READER, Effect.DENY, MINUTE)


def decided(world: World, reader: Reader) -> list[bool]:
    """Here, there, and where nothing is read."""
    return [
        *world.decide([QUESTION]),
        world.there.access.allows(ADA, "docs.read", PATH),
        reader.allows(ADA, "docs.read", PATH),
    ]


def listed(world: World) -> list[bool]:
    """By every list and explanation."""
    access, page = world.here.access, PageRequest(0, "", "")
    call = world.as_(ADA)
    paths, _ = access.list_access(call, ADA, "docs.read", "/", page, ANY)
    holders, _ = access.list_subjects("docs.read", PATH, page, ANY, expand_groups=True)
    explained, _ = access.explain(call, QUESTION, ANY)
    named = {it.subject for it in holders.items if not it.denied}
    return [
        any(not it.denied for it in paths.items),
        bool(named & {ADA, "everyone"}),
        explained.allowed,
    ]


@EACH
def test_what_is_allowed_for_a_minute_is_not_after_it(
    world: World, reader: Reader, way: list[object]
) -> None:
    world.take(way)
    reader.feed.read()
    assert decided(world, reader) == listed(world) == [True] * 3
    world.wait(MINUTE - 20)
    reader.feed.read()
    assert decided(world, reader) == listed(world) == [True] * 3
    world.wait(20)
    reader.feed.read()
    assert decided(world, reader) == listed(world) == [False] * 3


def test_what_is_denied_for_a_minute_is_allowed_after_it(world: World, reader: Reader) -> None:
    world.take([GOOD, DENIED])
    reader.feed.read()
    assert decided(world, reader) == listed(world) == [False] * 3
    world.wait(MINUTE)
    reader.feed.read()
    assert decided(world, reader) == listed(world) == [True] * 3


def test_it_ends_by_the_clock_alone(world: World, reader: Reader) -> None:
    world.take([WAYS["to oneself"][0]])
    reader.feed.read()
    assert reader.allows(ADA, "docs.read", PATH)
    loads = reader.policy.misses
    world.wait(MINUTE)
    reader.feed.read()
    assert not reader.allows(ADA, "docs.read", PATH)
    assert reader.policy.misses == loads, "nothing needs to be read for it"


def test_a_grant_that_has_ended_can_be_made_again(world: World) -> None:
    world.take([WAYS["to oneself"][0]])
    world.wait(MINUTE)
    assert world.decide([QUESTION]) == [False]
    new = NewGrant(PATH, READER, ADA, Effect.ALLOW, None)
    world.here.access.create_grant(world.as_admin(), new)
    assert world.decide([QUESTION]) == [True]
