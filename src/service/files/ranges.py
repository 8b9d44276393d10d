"""What a subject reaches, as ranges of places.

A place is a file's name with "/" as the least of all characters, so that all that is in a folder is
one range, and of two such ranges one is in the other or they have nothing in common.
"""

from collections.abc import Iterable

from service.access.models import Reached

Range = tuple[str, str]


def place(name: str) -> str:
    """Where a file's name stands in the order of all names, folder by folder."""
    return name.replace("/", "\x01")


def ranges(reached: Iterable[Reached]) -> list[Range]:
    """The reached paths and all below them, less those denied, as `[first, last)` of places.

    They are in order and have nothing in common. Paths begin with "/", names do not.
    """
    found: list[Range] = []
    start = end = ""  # what is left of the reached range that we are in
    for first, denied in sorted((place(one.path[1:]), one.denied) for one in reached):
        last = f"{first}\x02"
        if denied:
            if start < min(first, end):
                found.append((start, first))
            start = max(start, last)
        elif first >= end:
            if start < end:
                found.append((start, end))
            start, end = first, last
    if start < end:
        found.append((start, end))
    return found
