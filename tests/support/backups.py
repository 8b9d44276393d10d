"""Backups of a database that is in use, put in its place as operators would."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from service.wiring import Stores
from tests.support.databases import Databases

_LEAVE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"


class Backup:
    """The database as it is when this is made."""

    def __init__(self, databases: Databases, stores: Stores) -> None:
        self._run = databases.run
        found = re.search(r"/(\w+)\?", stores.database_url)
        assert found
        self._name = found[1]
        self._copy = f"{self._name}_backup"
        self._copys_url = databases.url_of(self._copy).replace("+psycopg", "")
        with self._closed(self._name):
            self._run(f"CREATE DATABASE {self._copy} TEMPLATE {self._name}")

    def run(self, statement: str) -> None:
        """Changes what will be put in place."""
        with psycopg.connect(self._copys_url, autocommit=True) as connection:
            connection.execute(statement)

    def restore(self) -> None:
        """Puts it in place; what was committed since is lost."""
        lost = f"{self._name}_lost"
        with self._closed(self._name, lost):
            self._run(f"ALTER DATABASE {self._name} RENAME TO {lost}")
            self._run(f"ALTER DATABASE {self._copy} RENAME TO {self._name}")

    @contextmanager
    def _closed(self, name: str, afterwards: str = "") -> Iterator[None]:
        """Nobody is connected to the database."""
        self._run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self._run(_LEAVE.format(name))
        yield
        self._run(f"ALTER DATABASE {afterwards or name} ALLOW_CONNECTIONS true")
