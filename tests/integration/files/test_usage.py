"""Whatever is done to files: who is charged is who has them, and everything else is gone."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.integration.files.conftest import Kept
from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.files import content_of, upload
from tests.support.house import house, settings
from tests.support.places import FolderPlace
from tests.support.refusals import read

QUOTA = 3000
WHO = [0, 1]
NAMES = [f"files/shared/{it}" for it in "abc"]
SIZES = st.sampled_from([0, 1, 700, 1000, 1600, 3001])
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.sampled_from(WHO),
            st.sampled_from(NAMES),
            SIZES,
            st.booleans(),
            st.booleans(),
        ),
        st.tuples(st.just("cut"), st.sampled_from(WHO), st.sampled_from(NAMES), SIZES),
        st.tuples(st.just("move"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
        st.tuples(st.just("delete"), st.sampled_from(NAMES)),
        st.tuples(st.just("wait"), st.sampled_from([6, 11])),
    ),
    max_size=14,
)


class World:
    """Two people over the same folder, and what must be so in it: who has how much where."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.people = [self._new_person() for _ in WHO]
        self.files: dict[str, tuple[str, bytes]] = {}

    def put(self, who: int, name: str, size: int, declared: bool, replace: bool) -> None:
        """Uploads, and replaces what is there, if it is to."""
        person, content = self.people[who], bytes([size % 256]) * size
        header: dict[str, Any] = {"size": size} if declared else {}
        if replace and name in self.files:
            header["etag"] = self.kept.admin.files.GetFile(name=name).file.etag
        free = name not in self.files or "etag" in header
        fits = self._charged(person) + size <= QUOTA
        if self._done(lambda: upload(person, name, content, **header), wanted=free and fits):
            self.files[name] = (person.name, content)

    def cut(self, who: int, name: str, size: int) -> None:
        """Uploads less than was promised."""
        person = self.people[who]
        self._done(lambda: upload(person, name, b"x" * size, size=size + 1), wanted=False)

    def move(self, name: str, destination: str) -> None:
        """Moves it, if it is there and the other is not."""
        wanted = name in self.files and destination not in self.files
        move = self.kept.admin.files.MoveFile
        if self._done(lambda: move(name=name, destination=destination), wanted=wanted):
            self.files[destination] = self.files.pop(name)

    def delete(self, name: str) -> None:
        """Deletes it, if it is there."""
        delete = self.kept.admin.files.DeleteFile
        if self._done(lambda: delete(name=name), wanted=name in self.files):
            del self.files[name]

    def wait(self, minutes: int) -> None:
        """Time passes, and the reaper comes."""
        self.kept.let_pass(minutes)
        self.kept.reaper.reap()

    def end(self) -> None:
        """Everything is deleted."""
        for name in list(self.files):
            self.delete(name)
        for _ in range(2):
            self.wait(11)

    def _charged(self, person: Person) -> int:
        return sum(len(content) for owner, content in self.files.values() if owner == person.name)

    def _done(self, call: Any, *, wanted: bool) -> bool:
        try:
            call()
        except grpc.RpcError as error:
            refusal = read(error)
            assert not wanted, refusal
            return False
        assert wanted
        return True

    def _new_person(self) -> Person:
        person = self.kept.house.new_person()
        self.kept.house.grant(person.name, "roles/file-editor", "/files")
        return person


@pytest.fixture(scope="module")
def counted(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """One where everybody may keep QUOTA bytes."""
    place = FolderPlace(tmp_path_factory.mktemp("counted"))
    chosen = settings(file_quota=QUOTA, file_store_url=place.url)
    with house(databases.new(), chosen) as running:
        yield Kept(running, place)


@given(steps=STEPS)
@examples(max_examples=20, deadline=None, derandomize=True)
def test_who_is_charged_is_who_has_it(counted: Kept, steps: list[tuple[Any, ...]]) -> None:
    world = World(counted)
    for step, *how in steps:
        getattr(world, step)(*how)
        charged: dict[str, int] = {}
        for owner, content in world.files.values():
            charged[owner] = charged.get(owner, 0) + len(content)
        assert counted.usage() == {owner: size for owner, size in charged.items() if size}
    for name, (_, content) in world.files.items():
        assert content_of(counted.admin, name) == content
    world.end()
    assert (counted.place.keys(), counted.states(), counted.usage()) == (set(), [], {})
