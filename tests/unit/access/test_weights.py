"""What is remembered of whoever was granted very much is bounded by its size, not its number."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from service.access import policy as policy_module
from service.access.policy import Bounded, Given, Held, Policy, _Touched

LONG = "/x" * 450
GIVEN = (Given(deny=False, role="roles/r", expires=0.0),)


def bytes_of(held: Held) -> int:
    return sum(len(path) for path in held.on)


def long_paths(count: int) -> Iterator[str]:
    return (f"{LONG}/{number}" for number in range(count))


def test_a_long_path_weighs_as_much_as_many_short_ones() -> None:
    short, long = Held({"/a": GIVEN}, complete=True), Held({LONG: GIVEN}, complete=True)
    assert short.weight == 2
    assert long.weight > 10


@pytest.mark.parametrize("size", [1, 63, 64, 900, 4000])
def test_no_path_is_longer_than_64_characters_for_each_that_it_weighs(size: int) -> None:
    held = Held({"/" * size: GIVEN}, complete=True)
    assert size <= held.weight * 64


def test_what_is_kept_later_weighs_the_same_and_once() -> None:
    at_once = Held({"/a": GIVEN, LONG: ()}, complete=False)
    one_by_one = Held({}, complete=False)
    for path in ("/a", LONG, LONG, "/a"):
        one_by_one.keep(path, ())
    assert one_by_one.weight == at_once.weight


def test_one_that_is_much_too_large_goes_though_it_is_young() -> None:
    bounded: Bounded[Held] = Bounded(100)
    held = Held({}, complete=False)
    most = 0
    for path in long_paths(200):
        held.keep(path, ())
        bounded.keep("groups/large", held)
        if "groups/large" not in bounded.entries:
            break
        most = bytes_of(held)
    assert bounded.entries == {}
    assert most <= 4 * 100 * 64
    bounded.keep("groups/other", Held({}, complete=True))
    assert list(bounded.entries) == ["groups/other"], "what went left its room"


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> Policy:
    """Has room for little."""
    monkeypatch.setattr(policy_module, "_MOST_GRANTS", 1000)
    feed: Any = SimpleNamespace(follow=lambda it: None, tell_in_order=lambda it: None)
    database: Any = None
    return Policy(database, feed)


def test_questions_about_more_and_more_paths_of_one_subject_fill_no_memory(policy: Policy) -> None:
    most = 0
    for number in range(50):
        places = [("groups/large", f"{LONG}/{number}/{n}") for n in range(20)]
        policy._keep_grants({"groups/large"}, places, ["groups/large"], [], _Touched([]))
        most = max(most, sum(map(bytes_of, policy.held.entries.values())))
    assert 0 < most <= 4 * 1000 * 64
