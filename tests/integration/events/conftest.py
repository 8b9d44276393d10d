"""Databases with events in them, and nobody who serves them."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from service.storage.database import Database
from service.wiring import Stores
from tests.support.databases import Databases


@contextmanager
def opened(stores: Stores) -> Iterator[Database]:
    """The database as the service uses it."""
    database = Database(stores.database_url, stores.ring, connections=4)
    try:
        yield database
    finally:
        database.dispose()


@pytest.fixture
def stores(databases: Databases) -> Stores:
    """A database with no events in it."""
    return databases.new()


@pytest.fixture
def database(stores: Stores) -> Iterator[Database]:
    """That database as the service uses it."""
    with opened(stores) as made:
        yield made


@pytest.fixture
def behind(stores: Stores) -> Iterator[psycopg.Connection]:
    """A connection to it that the service knows nothing of; each statement stands alone."""
    url = stores.database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
