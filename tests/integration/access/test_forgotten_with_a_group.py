"""A group that goes takes the grants on its own path along, and every process forgets them."""

from typing import Any

import pytest

from service.access.models import Effect
from service.access.policy_repository import MOST_GRANTS
from tests.integration.access.steps import BOT, USERS
from tests.integration.access.world import World
from tests.support.reader import Reader

ADA, BOB, CAROL = USERS
READ, ROLE = "docs.read", "roles/reader"
_MANY = """
INSERT INTO grants (id, path, role, subject)
SELECT gen_random_uuid(), CAST(:under AS text) || n, 'roles/reader', :subject
FROM generate_series(1, :count) n
"""
_CHANGES = "SELECT kind, key FROM changes WHERE position > :after ORDER BY key"


def last_change(world: World) -> int:
    [row] = world.sql("SELECT max(position) AS last FROM changes")
    return int(row.last)


@pytest.mark.parametrize("gone", ["groups/a", BOT, CAROL])
@pytest.mark.parametrize("below", ["", "/below", "/below/it"])
def test_other_processes_forget_the_grants_on_its_path_and_below(
    world: World, reader: Reader, gone: str, below: str
) -> None:
    world.grant(ADA, f"/{gone}{below}", ROLE, Effect.ALLOW, None)
    world.grant("groups/b", f"/{gone}{below}", ROLE, Effect.ALLOW, None)
    world.join("groups/b", BOB)
    reader.feed.read()
    asked = [(who, READ, f"/{gone}/below/it") for who in (ADA, BOB)]
    assert all(reader.allows(*one) for one in asked)
    assert all(world.there.access.allows(*one) for one in asked)
    world.delete(gone)
    reader.feed.read()
    world.there.feed.read()
    assert not any(reader.allows(*one) for one in asked)
    assert not any(world.there.access.allows(*one) for one in asked)
    assert not any(world.here.access.allows(*one) for one in asked)


def test_of_whoever_was_granted_very_much_there_too(world: World, reader: Reader) -> None:
    world.sql(_MANY, under="/groups/a/", subject=ADA, count=MOST_GRANTS + 1)
    world.join("groups/c", BOB)
    assert reader.allows(ADA, READ, "/groups/a/7")
    assert not reader.policy.held.entries[ADA].complete
    world.delete("groups/a")
    reader.feed.read()
    assert not reader.allows(ADA, READ, "/groups/a/7")


def test_there_are_as_many_changes_as_holders_however_many_grants(world: World) -> None:
    for subject in (ADA, BOB):
        world.sql(_MANY, under="/groups/a/", subject=subject, count=3000)
    before = last_change(world)
    world.delete("groups/a")
    changes = [(row.kind, row.key) for row in world.sql(_CHANGES, after=before)]
    assert changes == [("standing", one) for one in sorted({"groups/a", ADA, BOB})]


@pytest.mark.parametrize("beside", ["/groups/ab", "/groups", "/groups/b", "/x/groups/a"])
def test_what_is_granted_around_it_stays(world: World, reader: Reader, beside: str) -> None:
    world.grant(ADA, beside, ROLE, Effect.ALLOW, None)
    world.delete("groups/a")
    reader.feed.read()
    answer: Any = reader.allows(ADA, READ, beside)
    assert answer is True
