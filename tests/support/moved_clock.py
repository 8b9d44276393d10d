"""A database whose clock can be moved on, so that hours pass within a test and nobody waits."""

from typing import Any

import psycopg

from service.wiring import Stores

# Found before PostgreSQL's own by every statement that asks for clock_timestamp().
_MOVED = """
CREATE SCHEMA moved;
CREATE TABLE moved.by (seconds double precision NOT NULL);
INSERT INTO moved.by VALUES (0);
CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT pg_catalog.clock_timestamp() + seconds * interval '1 second' FROM moved.by
$$;
"""
_FOR_ALL = "ALTER DATABASE {} SET search_path = moved, pg_catalog, public"


class MovedClock:
    """The clock of a new database that nothing is connected to yet; it never goes back."""

    def __init__(self, stores: Stores) -> None:
        self._url = stores.database_url.replace("+psycopg", "")
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(_MOVED)
            connection.execute(_FOR_ALL.format(connection.info.dbname))

    def move(self, seconds: float, *readers: Any) -> None:
        """Lets time pass; the change feeds of `readers`, Services, know of it at once."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("UPDATE moved.by SET seconds = seconds + %s", [seconds])
        for services in readers:
            services.feed.read()
