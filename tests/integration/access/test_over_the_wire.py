"""In any world, what clients are told over a channel is what the oracle says."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from tests.integration.access.steps import (
    PATHS,
    SUBJECTS,
    USERS,
    WORLDS,
    paths,
    permissions,
    subjects,
)
from tests.integration.access.world import World
from tests.support.clients import Person
from tests.support.oracle import covers


@pytest.fixture(scope="module")
def admin(two_replicas: World) -> Person:
    """The owner, with a token that is good now, whatever the clock was moved by."""
    house = two_replicas.house
    return house.sign_in(house.admin.credentials)


def pages(rpc: Any, field: str, **asked: Any) -> Iterator[tuple[str, bool]]:
    """What is listed, and whether as denied."""
    token = ""
    while True:
        page = rpc(**asked, page_size=2, page_token=token)
        yield from ((name, False) for name in getattr(page, field))
        yield from ((name, True) for name in getattr(page, f"denied_{field}"))
        if not (token := page.next_page_token):
            return


@given(steps=WORLDS, permission=permissions, path=paths, subject=subjects)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_checks_lists_and_explanations_agree(
    two_replicas: World,
    admin: Person,
    steps: list[Any],
    permission: str,
    path: str,
    subject: str,
) -> None:
    world, access = two_replicas.built(steps), admin.access
    # Whoever denies the owner the right to ask is believed.
    if not world.now().allows(world.admin, "access.check", "/"):
        return
    askable = [it for it in PATHS if world.now().allows(world.admin, "access.check", it)]
    checks = [
        {"subject": who, "permission": permission, "path": it} for who in SUBJECTS for it in askable
    ]
    answer = access.BatchCheckAccess(checks=checks, consistency={"fully_consistent": True})
    expected = [world.now().allows(it["subject"], permission, it["path"]) for it in checks]
    assert [it.allowed for it in answer.results] == expected

    if path in askable:
        asked = {"subject": subject, "permission": permission, "path": path}
        allowed = world.now().allows(subject, permission, path)
        assert access.CheckAccess(**asked).allowed is allowed
        explained = access.ExplainAccess(**asked)
        assert explained.allowed is allowed
        assert ("is allowed" in explained.explanation) is allowed
        assert all(step.text for step in explained.steps)
        if explained.HasField("smallest_grant"):
            assert not allowed
            assert explained.smallest_grant.path == path

    listed = dict(pages(access.ListAccess, "paths", subject=subject, permission=permission))
    reached = [it for it, denied in listed.items() if not denied]
    for it in PATHS:
        if world.now().allows(subject, permission, it):
            assert any(covers(upper, it) for upper in reached)
    assert all(world.now().allows(subject, permission, it) for it in reached)

    if world.now().allows(world.admin, "access.list", path):
        asked = {"permission": permission, "path": path, "expand_groups": True}
        holders = dict(pages(access.ListSubjects, "subjects", **asked))
        names = {it for it, denied in holders.items() if not denied}
        assert all(world.now().allows(it, permission, path) for it in names - {"everyone"})
        able = {it for it in USERS if world.now().allows(it, permission, path)}
        assert able <= names or "everyone" in names
