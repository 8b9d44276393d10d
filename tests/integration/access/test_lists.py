"""In any world, the lists say what the checks say."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.access.models import Holder, Reached
from service.kernel import paths as kernel_paths
from service.storage.pages import Page, PageRequest
from tests.integration.access.steps import (
    ANY_WORLD,
    BOT,
    PATHS,
    SUBJECTS,
    USERS,
    paths,
    permissions,
)
from tests.integration.access.world import ANY, World
from tests.support.oracle import covers

SIZES = st.integers(1, 3)
WELL = settings(max_examples=30, deadline=None, derandomize=True)


def all_pages(read: Callable[[PageRequest], tuple[Page[Any], str]], size: int) -> list[Any]:
    """A list read in pages of one size; no page but the last is short."""
    items: list[Any] = []
    token = ""
    while True:
        page, _ = read(PageRequest(size, token, "the same"))
        items += page.items
        if not (token := page.next_page_token):
            return items
        assert len(page.items) == size


def reached(world: World, subject: str, permission: str, under: str, size: int) -> list[Reached]:
    call, access = world.as_(subject), world.here.access
    return all_pages(
        lambda page: access.list_access(call, subject, permission, under, page, ANY), size
    )


def holders(world: World, permission: str, path: str, expand: bool, size: int) -> list[Holder]:
    access = world.here.access
    return all_pages(
        lambda page: access.list_subjects(permission, path, page, ANY, expand_groups=expand), size
    )


@given(steps=ANY_WORLD, permission=permissions, under=paths, size=SIZES)
@WELL
def test_the_nearest_listed_path_above_decides(
    two_replicas: World, steps: list[Any], permission: str, under: str, size: int
) -> None:
    world = two_replicas.built(steps)
    for subject in [*USERS, BOT, "groups/a", "everyone"]:
        listed = reached(world, subject, permission, under, size)
        assert listed == reached(world, subject, permission, under, 1000)
        denied = {it.path: it.denied for it in listed}
        assert list(denied) == sorted(denied, key=str.encode), "by path, none twice"
        assert len(denied) == len(listed)
        for path in PATHS:
            if covers(under, path):
                above = [it for it in kernel_paths.ancestors(path) if it in denied]
                allowed = bool(above) and not denied[above[0]]
                assert allowed is world.now().allows(subject, permission, path), (path, listed)


@given(steps=ANY_WORLD, permission=permissions, path=paths, size=SIZES)
@WELL
def test_who_is_listed_expanded_is_who_is_allowed(
    two_replicas: World, steps: list[Any], permission: str, path: str, size: int
) -> None:
    world = two_replicas.built(steps)
    listed = holders(world, permission, path, True, size)
    assert listed == holders(world, permission, path, True, 1000)
    names = {it.subject for it in listed if not it.denied}
    denied = {it.subject for it in listed if it.denied}
    oracle = world.now()
    assert len(listed) == len(names | denied)
    assert not any(name.startswith("groups/") for name in names)
    for subject in [*USERS, BOT, world.admin]:
        all_may = "everyone" in names and subject in oracle.active
        not_denied = not denied & ({subject} | oracle.above({subject}))
        listed_so = subject in names or (all_may and not_denied)
        assert listed_so is oracle.allows(subject, permission, path), (subject, listed)


@given(steps=ANY_WORLD, permission=permissions, path=paths, size=SIZES)
@WELL
def test_who_is_listed_with_groups_is_who_is_allowed(
    two_replicas: World, steps: list[Any], permission: str, path: str, size: int
) -> None:
    world = two_replicas.built(steps)
    listed = holders(world, permission, path, False, size)
    assert listed == holders(world, permission, path, False, 1000)
    names = {it.subject for it in listed if not it.denied}
    denied = {it.subject for it in listed if it.denied}
    oracle = world.now()
    for subject in [*SUBJECTS, world.admin, "everyone"]:
        principals = {subject, "everyone"} | oracle.above({subject, "everyone"})
        through = names & principals and not denied & principals and subject in oracle.active
        allowed = oracle.allows(subject, permission, path)
        assert (subject in names or bool(through)) is allowed, (subject, listed)
