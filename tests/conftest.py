"""What every test stands on: real stores, a served Gatehouse, and people who have signed in."""

from collections.abc import Iterator

import pytest

from service.embedded import EmbeddedStores
from service.kernel.crypto import KeyRing
from service.wiring import Stores
from tests.support.clients import Client, Person
from tests.support.house import House, house, migrated, settings

RING = KeyRing([b"the tests' own key, of 32 bytes."])


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """A PostgreSQL and a Valkey of this process (xdist worker), the schema up to date."""
    with EmbeddedStores(tmp_path_factory.mktemp("stores")) as embedded:
        migrated(embedded.database_url)
        yield Stores(embedded.database_url, embedded.redis_url, RING)


@pytest.fixture(scope="session")
def gatehouse(stores: Stores) -> Iterator[House]:
    """The service, served in this process on a free port."""
    with house(stores, settings()) as running:
        yield running


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
