"""One company: people in nested groups, folders in folders, and who was given what.

The graph that decisions are measured on, the same for Gatehouse and for its peers. Groups are four
deep, of three each, and every person is in two of the innermost. A project is kept by one group,
edited by another and read by a third; it has five branches of four folders each, some of them given
to one group more. Whoever edits or keeps also reads. There is no DENY, which not every peer knows.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

READER, EDITOR, KEEPER = "reader", "editor", "keeper"

_DEPARTMENTS, _EACH, _GROUP_DEPTH = 4, 3, 4
_PEOPLE, _GROUPS_OF_A_PERSON = 500, 2
_PROJECTS, _BRANCHES, _FOLDER_DEPTH = 20, 5, 4
_QUESTIONS = 1000


@dataclass(frozen=True)
class Question:
    """Whether a person reads what is in a folder, and the right answer."""

    person: str
    folder: str
    allowed: bool


@dataclass(frozen=True)
class Given:
    """A folder and all below it, given to a group."""

    folder: str
    role: str
    group: str


class Organisation:
    """The same in every run. Folders are paths; groups and people are plain ids."""

    def __init__(self) -> None:
        self._chance = random.Random(7)
        self.levels = [[f"g{number}" for number in range(_DEPARTMENTS)]]
        while len(self.levels) < _GROUP_DEPTH:
            above = self.levels[-1]
            self.levels.append([f"{group}-{one}" for group in above for one in range(_EACH)])
        self.people = [f"p{number}" for number in range(_PEOPLE)]
        self.groups_of = {
            person: self._chance.sample(self.levels[-1], _GROUPS_OF_A_PERSON)
            for person in self.people
        }
        self._given: dict[str, list[Given]] = {}
        self._innermost = [folder for number in range(_PROJECTS) for folder in self._fill(number)]
        self.questions = list(self._mixed())

    @property
    def subgroups(self) -> Iterator[tuple[str, str]]:
        """Each group with one that is in it."""
        for level in self.levels[1:]:
            for group in level:
                yield group.rpartition("-")[0], group

    @property
    def folders(self) -> Iterator[tuple[str, str]]:
        """Each folder with the one that it is in, the projects aside."""
        for folder in self._given:
            parent = folder.rpartition("/")[0]
            if parent in self._given:
                yield folder, parent

    @property
    def given(self) -> Iterator[Given]:
        """Everything that was given."""
        for some in self._given.values():
            yield from some

    def _fill(self, project: int) -> Iterator[str]:
        """Makes a project's folders; answers the innermost."""
        root = f"/projects/{project}"
        self._given[root] = [
            self._give(root, role, level) for role, level in ((KEEPER, 3), (EDITOR, 2), (READER, 1))
        ]
        for branch in range(_BRANCHES):
            folder = f"{root}/{branch}"
            for depth in range(_FOLDER_DEPTH):
                folder += f"/{depth}" if depth else ""
                role = (READER, EDITOR)[depth // 2]
                self._given[folder] = [self._give(folder, role, 3)] if depth % 2 else []
            yield folder

    def _give(self, folder: str, role: str, level: int) -> Given:
        return Given(folder, role, self._chance.choice(self.levels[level]))

    def _mixed(self) -> Iterator[Question]:
        """By turns one that is allowed and one that is not."""
        turns = cycle((self._asked(allowed=True), self._asked(allowed=False)))
        return islice(map(next, turns), _QUESTIONS)

    def _asked(self, *, allowed: bool) -> Iterator[Question]:
        while True:
            person, folder = self._chance.choice(self.people), self._chance.choice(self._innermost)
            if self._reads(person, folder) is allowed:
                yield Question(person, folder, allowed)

    def _reads(self, person: str, folder: str) -> bool:
        """The naive answer: what was given here or above, to a group around one of the person's."""
        while folder in self._given:
            for one in self._given[folder]:
                if any(f"{own}-".startswith(f"{one.group}-") for own in self.groups_of[person]):
                    return True
            folder = folder.rpartition("/")[0]
        return False
