"""Statements of the hot paths, run on the driver itself.

SQLAlchemy's execution costs about 50 µs a statement, twice what PostgreSQL takes for a row by key.
The statement is the same expression, compiled once; psycopg prepares it on each connection.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from psycopg.rows import namedtuple_row, tuple_row
from sqlalchemy import Connection, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


class Prepared:
    """A statement with named parameters, run in the connection's transaction."""

    def __init__(self, statement: Executable) -> None:
        self._sql = str(statement.compile(dialect=_DIALECT))  # type: ignore[attr-defined]

    def one_or_none(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """The one row, its columns as attributes, or None."""
        return self._execute(connection, parameters).fetchone()

    def all(self, connection: Connection, parameters: Mapping[str, Any]) -> list[Any]:
        """Every row, as tuples."""
        rows: list[Any] = self._execute(connection, parameters, tuple_row).fetchall()
        return rows

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> None:
        """Runs it for its effect."""
        self._execute(connection, parameters)

    def send(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """Runs it `together` with others; its rows, as tuples, are to be fetched after these."""
        return self._execute(connection, parameters, tuple_row)

    def _execute(
        self, connection: Connection, parameters: Mapping[str, Any], rows: Any = namedtuple_row
    ) -> Any:
        driver: Any = connection.connection.driver_connection
        cursor = driver.cursor(row_factory=rows)
        return cursor.execute(self._sql, parameters, prepare=True)


def together(connection: Connection) -> AbstractContextManager[object]:
    """Sends what is run in the block without waiting for each answer (libpq's pipeline mode)."""
    driver: Any = connection.connection.driver_connection
    pipeline: AbstractContextManager[object] = driver.pipeline()
    return pipeline
