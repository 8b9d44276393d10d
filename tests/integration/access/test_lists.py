"""In any world, the lists say what the checks say."""

from collections.abc import Callable
from itertools import product
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
)
from tests.integration.access.world import ANY, World
from tests.support.oracle import covers

SIZES = st.integers(1, 3)
ABOUT = [*USERS, BOT, "groups/a", "everyone"]
OFTEN = ["docs.read", "users.read", "files.read"]
WELL = settings(max_examples=20, deadline=None, derandomize=True)


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


def holders(
    world: World, permission: str, path: str, expand: bool, size: int
) -> tuple[set[str], set[str]]:
    """Who is listed, and who as denied: by name, none twice, and the same in pages of any size."""

    def listed(size: int) -> list[Holder]:
        return all_pages(
            lambda page: world.here.access.list_subjects(
                permission, path, page, ANY, expand_groups=expand
            ),
            size,
        )

    found = listed(size)
    assert found == listed(1000)
    names = [it.subject for it in found]
    assert names == sorted(set(names), key=str.encode)
    return {it.subject for it in found if not it.denied}, {it.subject for it in found if it.denied}


@given(steps=ANY_WORLD, size=SIZES, under=paths)
@WELL
def test_the_nearest_listed_path_above_decides(
    two_replicas: World, steps: list[Any], size: int, under: str
) -> None:
    world = two_replicas.built(steps)
    for subject, permission, top in product(ABOUT, OFTEN, {"/", under}):
        listed = reached(world, subject, permission, top, size)
        assert listed == reached(world, subject, permission, top, 1000)
        denied = {it.path: it.denied for it in listed}
        assert list(denied) == sorted(denied, key=str.encode), "by path, none twice"
        assert len(denied) == len(listed)
        for path in PATHS:
            if covers(top, path):
                above = [it for it in kernel_paths.ancestors(path) if it in denied]
                allowed = bool(above) and not denied[above[0]]
                assert allowed is world.now().allows(subject, permission, path), (path, listed)


@given(steps=ANY_WORLD, size=SIZES)
@WELL
def test_who_is_listed_expanded_is_who_is_allowed(
    two_replicas: World, steps: list[Any], size: int
) -> None:
    world = two_replicas.built(steps)
    for permission, path in product(OFTEN, PATHS):
        names, denied = holders(world, permission, path, True, size)
        assert not any(name.startswith("groups/") for name in names)
        oracle = world.now()
        for subject in [*USERS, BOT, world.admin]:
            all_may = "everyone" in names and subject in oracle.active
            not_denied = not denied & ({subject} | oracle.above({subject}))
            listed_so = subject in names or (all_may and not_denied)
            assert listed_so is oracle.allows(subject, permission, path), (subject, names, denied)


@given(steps=ANY_WORLD, size=SIZES)
@WELL
def test_who_is_listed_with_groups_is_who_is_allowed(
    two_replicas: World, steps: list[Any], size: int
) -> None:
    world = two_replicas.built(steps)
    for permission, path in product(OFTEN, PATHS):
        names, denied = holders(world, permission, path, False, size)
        oracle = world.now()
        for subject in [*SUBJECTS, world.admin, "everyone"]:
            principals = {subject, "everyone"} | oracle.above({subject, "everyone"})
            active = subject in oracle.active
            through = bool(names & principals) and not denied & principals and active
            allowed = oracle.allows(subject, permission, path)
            assert (subject in names or through) is allowed, (subject, names, denied)
