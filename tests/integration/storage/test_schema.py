"""A server meets only the schema it is made for, however many migrate at once."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from service.serving import one_connection
from service.storage import schema
from tests.support.databases import Databases


def at_version(database_url: str, version: str) -> None:
    with one_connection(database_url) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})


def empty_database(databases: Databases, name: str) -> str:
    databases.run(f"CREATE DATABASE {name}")
    return databases.url_of(name)


def test_many_migrations_at_once_make_one_schema(databases: Databases) -> None:
    url = empty_database(databases, "many_at_once")

    def migrate() -> tuple[str, str]:
        with one_connection(url) as engine:
            return schema.migrate(engine)

    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(lambda _: migrate(), range(5)))
    assert len({after for _, after in results}) == 1
    assert [before for before, _ in results].count("") == 1, "one of them did the work"
    with one_connection(url) as engine:
        schema.require_current(engine)


def test_an_older_schema_is_refused_with_what_to_do(databases: Databases) -> None:
    url = databases.new().database_url
    at_version(url, "0001")
    with (
        one_connection(url) as engine,
        pytest.raises(schema.SchemaMismatch, match="run `gatehouse migrate`"),
    ):
        schema.require_current(engine)


def test_an_empty_database_is_refused_with_what_to_do(databases: Databases) -> None:
    url = empty_database(databases, "never_migrated")
    with (
        one_connection(url) as engine,
        pytest.raises(schema.SchemaMismatch, match="at nothing"),
    ):
        schema.require_current(engine)


@pytest.mark.parametrize("work", [schema.require_current, schema.migrate])
def test_a_newer_schema_is_refused_and_left_alone(databases: Databases, work: object) -> None:
    url = databases.new().database_url
    at_version(url, "9999")
    with (
        one_connection(url) as engine,
        pytest.raises(schema.SchemaMismatch, match="newer"),
    ):
        work(engine)  # type: ignore[operator]
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row == ("9999",)
