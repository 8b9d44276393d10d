"""What every test stands on: real stores, a served Gatehouse, and people who have signed in."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from service.embedded import EmbeddedStores
from tests.support.clients import Client, Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings
from tests.support.receiver import Receiver, receivers


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """A PostgreSQL and a Valkey of this process (xdist worker), to make databases on."""
    with EmbeddedStores(tmp_path_factory.mktemp("stores")) as embedded:
        yield Databases(embedded.database_url, embedded.redis_url)


@pytest.fixture(scope="session")
def gatehouse(databases: Databases) -> Iterator[House]:
    """The service, served in this process on a free port, shared by all tests that leave it be."""
    with house(databases.new(), settings()) as running:
        yield running


@pytest.fixture
def open_house(databases: Databases) -> Iterator[Callable[..., House]]:
    """Serves another one, under other settings and with nobody but an admin in it."""
    with ExitStack() as houses:
        yield lambda **given: houses.enter_context(house(databases.new(), settings(**given)))


@pytest.fixture
def new_receiver() -> Iterator[Callable[..., Receiver]]:
    """Makes receivers of webhooks."""
    with receivers() as make:
        yield make


@pytest.fixture(scope="session")
def admin(gatehouse: House) -> Person:
    """The first admin, owner of `/`."""
    return gatehouse.admin


@pytest.fixture(scope="session")
def anonymous(gatehouse: House) -> Client:
    """Someone without a token."""
    return gatehouse.anonymous


@pytest.fixture
def ada(gatehouse: House) -> Person:
    """Somebody without any role, new for each test."""
    return gatehouse.new_person(display_name="Ada Lovelace")


@pytest.fixture
def bob(gatehouse: House) -> Person:
    """Somebody else."""
    return gatehouse.new_person(display_name="Bob")


@pytest.fixture(scope="session")
def auditor(gatehouse: House) -> Person:
    """Somebody who may read everything."""
    return gatehouse.new_person("roles/auditor")
