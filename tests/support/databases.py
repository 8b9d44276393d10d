"""Databases on one PostgreSQL, each a copy of one that was migrated once."""

import itertools
import re

import psycopg

from service.kernel.crypto import KeyRing
from service.serving import one_connection
from service.storage import schema
from service.wiring import Stores

RING_KEY = b"the tests' own key, of 32 bytes."
RING = KeyRing([RING_KEY])
_TEMPLATE = "migrated"


class Databases:
    """Makes new databases quickly. They go with the PostgreSQL that they are on."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._url = database_url
        self.redis_url = redis_url
        self._numbers = itertools.count(1)
        self.run(f"CREATE DATABASE {_TEMPLATE}")
        with one_connection(self.url_of(_TEMPLATE)) as engine:
            schema.migrate(engine)

    def new(self) -> Stores:
        """A database of one's own, the schema up to date, nothing in it; Valkey is shared."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return Stores(self.url_of(name), self.redis_url, RING)

    def url_of(self, name: str) -> str:
        """How to reach the database of that name."""
        return re.sub(r"/\w+\?", f"/{name}?", self._url)

    def run(self, statement: str) -> None:
        """Runs a statement in a database that no test uses."""
        url = self._url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)
