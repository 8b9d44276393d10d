"""The ranges of places that a subject reaches, against lines too naive to be wrong."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.access.models import Reached
from service.files.ranges import place, ranges
from tests.support.oracle import covers

# "\x1f" and "\x02" are no name's; "!" and "0" come before and after "/".
SEGMENTS = ["a", "a!", "a0", "aa", "\x7e", "é", "\U0001f980"]
FOLDERS = ["files", *(f"files/{it}" for it in SEGMENTS), "files/a/a", "files/a/a!", "files/a/a/a"]
NAMES = [*FOLDERS[1:], *(f"{folder}/{it}" for folder, it in product(FOLDERS, SEGMENTS))]
PATHS = sorted({f"/{name}" for name in [*FOLDERS, *NAMES]})
MARKS = st.dictionaries(st.sampled_from(PATHS), st.booleans(), max_size=12)


def told(marks: dict[str, bool]) -> list[Reached]:
    """As reach tells it: allowed paths that are not denied, and what is denied below those."""
    denied = [path for path in marks if not marks[path]]
    allowed = [path for path in marks if marks[path] and not any(covers(it, path) for it in denied)]
    below = [path for path in denied if any(covers(it, path) for it in allowed)]
    return [Reached(it, denied=False) for it in allowed] + [
        Reached(it, denied=True) for it in below
    ]


def reaches(marks: dict[str, bool], name: str) -> bool:
    """Something above it, or it itself, is allowed, and nothing denied."""
    return {mark for path, mark in marks.items() if covers(path, f"/{name}")} == {True}


@given(marks=MARKS)
@settings(max_examples=200, derandomize=True)
def test_a_place_is_in_a_range_when_its_name_is_reached(marks: dict[str, bool]) -> None:
    found = ranges(told(marks))
    for name in NAMES:
        within = [first for first, last in found if first <= place(name) < last]
        assert bool(within) is reaches(marks, name), (name, found)


@given(marks=MARKS)
@settings(max_examples=200, derandomize=True)
def test_ranges_are_in_order_and_have_nothing_in_common(marks: dict[str, bool]) -> None:
    ends = [end for one in ranges(told(marks)) for end in one]
    assert ends == sorted(ends)
    assert all(first < last for first, last in ranges(told(marks)))


def test_nothing_reached_is_no_range() -> None:
    assert ranges([]) == []


@pytest.mark.parametrize("one", FOLDERS)
def test_what_is_in_a_folder_comes_right_after_it(one: str) -> None:
    places = sorted(NAMES, key=place)
    within = [covers(f"/{one}", f"/{name}") for name in places]
    first = within.index(True)
    assert all(within[first : first + within.count(True)])
    assert places[first] in {one, "files/a"}
