"""However many events there are, every question reads few of them: by an index, from one end."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from service.events.models import EventFilter
from service.events.repository import EventRepository
from service.storage.database import Database
from service.wiring import Stores
from tests.integration.events.conftest import opened
from tests.support.databases import Databases

_START = datetime(2026, 1, 1, tzinfo=UTC)
_EVENTS = 50_000
_TYPES = 50
_LIMIT = 51
# Two very busy people, who seldom meet; everybody else has little to do with anything.
_FILL = f"""
INSERT INTO events (id, type, subject, actor, time, request_id, peer, data)
SELECT gen_random_uuid(),
    'gatehouse.domain' || n % 10 || '.happened' || n % {_TYPES},
    CASE WHEN n % 3 = 0 THEN 'users/busy' ELSE 'users/' || n % 997 END,
    CASE WHEN n % 5 = 0 THEN 'users/keen' ELSE 'users/' || n % 991 END,
    timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second', '', '', '{{}}'
FROM generate_series(1, {_EVENTS}) n
"""
EARLY, LATE = _START + timedelta(seconds=500), _START + timedelta(seconds=700)
DOMAIN, BUSY, KEEN = "gatehouse.domain1.", "users/busy", "users/keen"

Ask = Callable[[EventRepository], object]


@pytest.fixture(scope="module")
def stores(databases: Databases) -> Stores:
    return databases.new()


@pytest.fixture(scope="module")
def planner(stores: Stores) -> Iterator[psycopg.Connection]:
    """A connection that prepares nothing by itself."""
    url = stores.database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        connection.execute(_FILL)
        connection.execute("VACUUM ANALYZE events")
        yield connection


@pytest.fixture(scope="module")
def database(stores: Stores, planner: psycopg.Connection) -> Iterator[Database]:
    with opened(stores) as made:
        yield made


class Statements:
    """Runs statements as a connection does, and keeps them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.kept: list[tuple[str, dict[str, Any]]] = []

    def execute(self, statement: Any, given: dict[str, Any] | None = None) -> Any:
        self.kept.append((str(statement), given or {}))
        return self._connection.execute(statement, given)


def plan(planner: psycopg.Connection, statement: str, given: dict[str, Any], mode: str) -> Any:
    """The plan of a prepared statement, with what really was read."""
    names = list(given)
    numbered = re.sub(r"(?<!:):(\w+)", lambda found: f"${names.index(found[1]) + 1}", statement)
    planner.execute("DEALLOCATE ALL")
    planner.execute(f"SET plan_cache_mode = {mode}")
    planner.execute(f"PREPARE asked AS {numbered}")
    values = sql.SQL(", ").join(map(sql.Literal, given.values()))
    call = sql.SQL("EXECUTE asked({})").format(values) if names else sql.SQL("EXECUTE asked")
    explain = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ") + call
    [(found,)] = planner.execute(explain)
    return found[0]["Plan"]


def nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in node.get("Plans", []):
        yield from nodes(child)


def read_of(node: Any) -> int:
    """Rows of the table that were looked at, also in vain."""
    if node.get("Relation Name") != "events":
        return 0
    looked = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return int((looked + node.get("Rows Removed by Index Recheck", 0)) * node["Actual Loops"])


QUESTIONS: dict[str, tuple[Ask, int]] = {}


def question(name: str, rows: int, **given: Any) -> None:
    """Asked both ways, from an end and from the middle; reads so many rows at most."""
    which, far = EventFilter(**given), _EVENTS // 2
    for end, ask in {
        "newest": lambda it: it.before(None, which, _LIMIT),
        "before": lambda it: it.before(far, which, _LIMIT),
        "after": lambda it: it.after(far, which, _LIMIT, through=_EVENTS),
        "from the start": lambda it: it.after(0, which, _LIMIT, through=_EVENTS),
    }.items():
        QUESTIONS[f"{name}, {end}"] = ask, rows


_ONE = 4 * _LIMIT
_EACH = _TYPES * 3 + _TYPES * _LIMIT
question("any", _ONE)
question("a domain", 10 * _LIMIT, type_prefix=DOMAIN)
question("every type", _EACH, type_prefix="gatehouse.")
question("no type", _ONE, type_prefix="nothing.")
question("a type after all", _ONE, type_prefix="z")
question("somebody", _EACH, subject="users/5")
question("somebody busy", _EACH, subject=BUSY)
question("somebody unknown", _EACH, subject="users/nobody")
question("done by somebody", _EACH, actor="users/7")
question("done by somebody keen", _EACH, actor=KEEN)
question("a domain and somebody", 10 * _LIMIT, subject=BUSY, type_prefix=DOMAIN)
question("done by oneself", _EACH, subject="users/5", actor="users/5")
question("by one busy to another", _EACH, subject=BUSY, actor=KEEN)
question("seldom by one to another", _EACH, subject=BUSY, actor="users/7")
question("by keen to somebody", _EACH, subject="users/5", actor=KEEN)
question("long ago", _ONE, start=EARLY, end=LATE)
question("since long ago", _ONE, start=EARLY)
question("until long ago", _ONE, end=EARLY)
question("of a domain long ago", 20 * _LIMIT, type_prefix=DOMAIN, start=EARLY, end=LATE)
question("somebody long ago", _EACH, subject=BUSY, start=EARLY, end=LATE)
question("in the future", _ONE, start=_START + timedelta(days=999))
QUESTIONS["the ends"] = lambda it: it.ends(), 5


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("asked", QUESTIONS)
def test_few_rows_are_read_and_none_in_sequence(
    database: Database, planner: psycopg.Connection, asked: str, mode: str
) -> None:
    ask, most = QUESTIONS[asked]
    with database.reading() as connection:
        statements = Statements(connection)
        ask(EventRepository(statements, database.history))  # type: ignore[arg-type]
    [(statement, given)] = statements.kept
    found = plan(planner, statement, given, mode)
    every = list(nodes(found))
    scanned = [it["Node Type"] for it in every if it.get("Relation Name") == "events"]
    assert "Seq Scan" not in scanned
    assert sum(map(read_of, every)) <= most, found
    assert found["Shared Hit Blocks"] + found["Shared Read Blocks"] <= 2 * most + 300
