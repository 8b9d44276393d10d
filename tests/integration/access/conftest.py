"""Two replicas on a database whose clock can be moved, and the oracle beside them."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.integration.access.steps import ROLES
from tests.integration.access.world import World
from tests.support.databases import Databases
from tests.support.house import house, settings
from tests.support.moved_clock import MovedClock
from tests.support.reader import Reader

_NEW_ROLE = "INSERT INTO roles (name, title, description, built_in) VALUES (:name, '', '', false)"


@pytest.fixture(scope="package")
def two_replicas(databases: Databases) -> Iterator[World]:
    """Shared by all tests of the package, each of which begins it anew."""
    stores = databases.new()
    clock = MovedClock(stores)
    with house(stores, settings()) as here, house(stores, settings()) as there:
        for role in ROLES:
            here.sql(_NEW_ROLE, name=role)
        yield World(here, there, clock)


@pytest.fixture
def world(two_replicas: World) -> World:
    """An owner, and subjects without rights."""
    two_replicas.begin()
    return two_replicas


@pytest.fixture
def reader(two_replicas: World) -> Iterator[Reader]:
    """A third replica, which hears of nothing unless it asks."""
    with closing(Reader(two_replicas.stores)) as made:
        yield made
