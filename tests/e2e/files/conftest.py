"""Folders of one's own, people who may do something there, and a Gatehouse that seals contents."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings

READER, EDITOR = "roles/file-reader", "roles/file-editor"


@pytest.fixture
def folder() -> str:
    """A folder that nobody has put anything into."""
    return f"files/{uuid4()}"


@pytest.fixture
def name(folder: str) -> str:
    """The name of a file that is not there."""
    return f"{folder}/some.txt"


@pytest.fixture
def reader(gatehouse: House, folder: str) -> Person:
    """Somebody who may read the folder, and no more."""
    person = gatehouse.new_person()
    gatehouse.grant(person.name, READER, f"/{folder}")
    return person


@pytest.fixture
def editor(gatehouse: House, folder: str) -> Person:
    """Somebody who may read, write and delete in the folder."""
    person = gatehouse.new_person()
    gatehouse.grant(person.name, EDITOR, f"/{folder}")
    return person


@pytest.fixture(scope="session")
def store_of_sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the sealed contents lie."""
    return tmp_path_factory.mktemp("sealed")


@pytest.fixture(scope="session")
def sealed(databases: Databases, store_of_sealed: Path) -> Iterator[House]:
    """A Gatehouse with FILE_ENCRYPTION=on."""
    chosen = settings(file_encryption=True, file_store_url=store_of_sealed.as_uri())
    with house(databases.new(), chosen) as running:
        yield running


@pytest.fixture(params=["gatehouse", "sealed"])
def either(request: pytest.FixtureRequest) -> House:
    """A Gatehouse that keeps contents as they are, and one that seals them."""
    found: House = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def small_house(open_house: Callable[..., House]) -> House:
    """One where files have at most 400 bytes, and an owner at most 1,000."""
    return open_house(file_size_limit=400, file_quota=1000)


@pytest.fixture(scope="module")
def module_house(databases: Databases) -> Iterator[Callable[..., House]]:
    """Serves one for the tests of a module, under other settings."""
    with ExitStack() as houses:
        yield lambda **given: houses.enter_context(house(databases.new(), settings(**given)))
