"""Whoever was removed does not see what came after."""

from collections.abc import Callable

import pytest

from service.access.decisions import Decisions
from service.access.models import Effect
from tests.integration.access.steps import USERS
from tests.integration.access.world import World
from tests.support.reader import Reader

EVE = USERS[0]
READ, FOLDER = "docs.read", "/a"
GRANT_THE_GROUP = ("grant", "groups/a", FOLDER, "roles/reader", Effect.ALLOW, None)
DENY_HER = ("grant", EVE, FOLDER, "roles/reader", Effect.DENY, None)
REMOVALS = {
    "from the group": ("leave", 0),
    "by a denial": DENY_HER,
    "by losing the grant": ("ungrant", 0),
    "by what the role allows": ("change_role", "roles/reader", "roles/own"),
    "for good": ("delete", EVE),
}
EACH = pytest.mark.parametrize("removal", REMOVALS.values(), ids=REMOVALS)
Enemy = Callable[[tuple[object, ...]], str]


@pytest.fixture
def removed(world: World, reader: Reader) -> Enemy:
    """Removes her from what both replicas have seen her read; answers the revision."""
    world.take([("join", "groups/a", EVE), GRANT_THE_GROUP])
    reader.feed.read()
    assert reader.allows(EVE, READ, FOLDER)
    assert world.here.access.allows(EVE, READ, FOLDER)

    def remove(removal: tuple[object, ...]) -> str:
        world.take([removal])
        return world.revision

    return remove


@EACH
def test_where_it_was_done_she_sees_nothing_from_then_on(
    world: World, removed: Enemy, removal: tuple[object, ...]
) -> None:
    removed(removal)
    assert not world.here.access.allows(EVE, READ, f"{FOLDER}/new")


@EACH
def test_elsewhere_she_sees_nothing_of_that_revision(
    reader: Reader, removed: Enemy, removal: tuple[object, ...]
) -> None:
    revision = removed(removal)
    assert not reader.allows_since(revision, EVE, READ, f"{FOLDER}/new")


def test_elsewhere_she_would_if_nobody_looked_at_the_revision(
    reader: Reader, removed: Enemy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decisions, "_catch_up_to", lambda self, freshness: None)
    revision = removed(("leave", 0))
    assert reader.allows_since(revision, EVE, READ, f"{FOLDER}/new")


def test_what_is_granted_to_a_group_after_she_left_is_never_hers_anywhere(
    world: World, reader: Reader
) -> None:
    world.take([("join", "groups/a", EVE)])
    reader.feed.read()
    assert not reader.allows(EVE, READ, FOLDER)
    world.take([("leave", 0), GRANT_THE_GROUP])
    assert not reader.allows(EVE, READ, FOLDER), "whatever it remembers, at any consistency"
    assert not world.here.access.allows(EVE, READ, FOLDER)
    assert not reader.allows_since(world.revision, EVE, READ, FOLDER)
