"""What a process remembers: dropped by changes, kept by no load that a change overtook."""

from collections.abc import Callable
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest

from service.kernel.changes import Change, ChangeKind
from service.kernel.errors import Unavailable
from service.storage.cache import FollowingCache

USER, GRANTS = ChangeKind.USER, ChangeKind.GRANTS


class Truth:
    """What the database says, and something to happen while it is asked."""

    def __init__(self) -> None:
        self.value = "old"
        self.loads = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def load(self, key: str) -> str:
        self.loads += 1
        value = self.value
        self.meanwhile()
        return value


@pytest.fixture
def truth() -> Truth:
    return Truth()


@pytest.fixture
def feed() -> Any:
    def no_trust() -> None:
        raise Unavailable("away")

    return SimpleNamespace(
        follow=lambda it: None, trusted_until=monotonic() + 1000, require_trust=no_trust
    )


@pytest.fixture
def cache(feed: Any, truth: Truth) -> FollowingCache[str]:
    return FollowingCache(feed, USER, truth.load, size=3)


def test_a_value_is_loaded_once(cache: FollowingCache[str], truth: Truth) -> None:
    assert [cache.get("1"), cache.get("1")] == ["old", "old"]
    assert (truth.loads, cache.hits, cache.misses) == (1, 1, 1)


def test_a_change_drops_its_key(cache: FollowingCache[str], truth: Truth) -> None:
    cache.get("1")
    truth.value = "new"
    cache.apply([Change(USER, "1")])
    assert cache.get("1") == "new"


@pytest.mark.parametrize("change", [Change(USER, "2"), Change(GRANTS, "1")])
def test_another_change_drops_nothing(
    cache: FollowingCache[str], truth: Truth, change: Change
) -> None:
    cache.get("1")
    cache.apply([change])
    cache.get("1")
    assert truth.loads == 1


def test_a_load_that_a_change_overtakes_is_answered_but_not_kept(
    cache: FollowingCache[str], truth: Truth
) -> None:
    def change() -> None:
        truth.value = "new"
        truth.meanwhile = lambda: None
        cache.apply([Change(USER, "1")])

    truth.meanwhile = change
    assert cache.get("1") == "old"
    assert cache.get("1") == "new"


def test_a_load_that_forgetting_overtakes_is_not_kept(
    cache: FollowingCache[str], truth: Truth
) -> None:
    def forget() -> None:
        truth.value = "new"
        truth.meanwhile = lambda: None
        cache.forget()

    truth.meanwhile = forget
    cache.get("1")
    assert cache.get("1") == "new"


def test_of_two_loads_at_once_the_older_one_is_not_kept_over_the_newer(
    cache: FollowingCache[str], truth: Truth
) -> None:
    def another() -> None:
        truth.meanwhile = lambda: None
        truth.value = "new"
        assert cache.get("1") == "new"

    truth.meanwhile = another
    assert cache.get("1") == "old"
    assert cache.get("1") == "new"


def test_nothing_is_answered_from_memory_without_trust(
    cache: FollowingCache[str], feed: Any
) -> None:
    cache.get("1")
    feed.trusted_until = 0.0
    with pytest.raises(Unavailable):
        cache.get("1")


def test_the_key_longest_there_makes_room(cache: FollowingCache[str], truth: Truth) -> None:
    for key in "1234":
        cache.get(key)
    assert set(cache._entries) == {"2", "3", "4"}


def test_a_load_that_fails_leaves_nothing_behind(cache: FollowingCache[str], truth: Truth) -> None:
    def fail() -> None:
        raise Unavailable("away")

    truth.meanwhile = fail
    with pytest.raises(Unavailable):
        cache.get("1")
    assert cache._loading == {}
