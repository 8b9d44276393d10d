"""Files kept where a test can look behind the store's back, and a reaper that comes when called."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from service.files.reaping import Reaper
from service.files.service import FileService
from tests.support.clients import Person
from tests.support.house import House
from tests.support.places import FolderPlace, Place

USAGE = """
SELECT owner, bytes FROM file_usage WHERE bytes <> 0 ORDER BY owner
"""
SUMS = """
SELECT owner, sum(size)::bigint AS bytes FROM file_objects WHERE state <> 'DELETED'
GROUP BY owner HAVING sum(size) <> 0 ORDER BY owner
"""


@dataclass
class Kept:
    """A house, and where its files' contents are."""

    house: House
    place: Place

    @property
    def admin(self) -> Person:
        """Who may do anything."""
        return self.house.admin

    @property
    def files(self) -> FileService:
        """What the RPCs ask."""
        return self.house.application.services.files

    @property
    def reaper(self) -> Reaper:
        """Another one each time."""
        services = self.house.application.services
        return Reaper(services.database, services.object_store)

    def let_pass(self, minutes: float) -> None:
        """Makes every object that much older."""
        older = "UPDATE file_objects SET time = time - make_interval(secs => :s)"
        self.house.sql(older, s=minutes * 60)

    def is_coming(self) -> bool:
        """Whether an upload has begun, and its first content has come."""
        coming = "SELECT 1 FROM file_objects WHERE state = 'WRITING' AND size > 0"
        return bool(self.house.sql(coming))

    def states(self) -> list[str]:
        """Of every object that a row tells of."""
        return [it.state for it in self.house.sql("SELECT state FROM file_objects ORDER BY state")]

    def usage(self) -> dict[str, int]:
        """Who is charged what; it is always the sum of what they have."""
        charged = {row.owner: row.bytes for row in self.house.sql(USAGE)}
        assert charged == {row.owner: row.bytes for row in self.house.sql(SUMS)}
        return charged


OpenKept = Callable[..., Kept]


@pytest.fixture
def open_kept(open_house: Callable[..., House], folder: FolderPlace) -> OpenKept:
    """Serves a house that keeps its files on a disk."""
    return lambda **given: Kept(open_house(file_store_url=folder.url, **given), folder)


@pytest.fixture
def open_anywhere(open_house: Callable[..., House], place: Place) -> OpenKept:
    """Serves a house that keeps its files in each kind of place."""
    return lambda **given: Kept(open_house(file_store_url=place.url, **given), place)


@pytest.fixture
def kept(open_kept: OpenKept) -> Kept:
    """One on a disk, under the usual settings."""
    return open_kept()


@pytest.fixture
def anywhere(open_anywhere: OpenKept) -> Kept:
    """One in each kind of place, under the usual settings."""
    return open_anywhere()
