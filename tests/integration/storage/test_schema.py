"""The schema's version: brought up to date once, and nothing is served on another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from service.serving import one_connection
from service.storage import schema
from service.storage.schema import SchemaMismatch
from tests.support.databases import Databases


@pytest.fixture
def empty(databases: Databases) -> Iterator[Engine]:
    """A database with nothing in it."""
    with one_connection(databases.new().database_url) as engine:
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        yield engine


@pytest.fixture
def current(databases: Databases) -> Iterator[Engine]:
    with one_connection(databases.new().database_url) as engine:
        yield engine


def at(engine: Engine, version: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": version})


def test_a_new_database_is_migrated_and_then_current(empty: Engine) -> None:
    before, after = schema.migrate(empty)
    assert before == ""
    assert after
    schema.require_current(empty)


def test_migrating_twice_changes_nothing(current: Engine) -> None:
    before, after = schema.migrate(current)
    assert before == after


def test_two_who_migrate_at_once_do_it_once(empty: Engine) -> None:
    url = empty.url.render_as_string(hide_password=False)

    def migrate(_: int) -> tuple[str, str]:
        with one_connection(url) as engine:
            return schema.migrate(engine)

    with ThreadPoolExecutor(2) as both:
        versions = sorted(both.map(migrate, range(2)))
    assert versions[0] == ("", versions[1][1])
    assert versions[1][0] == versions[1][1]


def test_an_empty_database_is_not_served(empty: Engine) -> None:
    with pytest.raises(SchemaMismatch, match="gatehouse migrate"):
        schema.require_current(empty)


@pytest.mark.parametrize("work", [schema.require_current, schema.migrate])
def test_a_newer_schema_is_left_alone(current: Engine, work: object) -> None:
    at(current, "9999")
    with pytest.raises(SchemaMismatch, match="newer"):
        work(current)  # type: ignore[operator]


def test_an_older_schema_is_not_served(current: Engine) -> None:
    at(current, "0001")
    with pytest.raises(SchemaMismatch, match="gatehouse migrate"):
        schema.require_current(current)
