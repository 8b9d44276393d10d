"""What the database itself refuses, whoever asks it."""

import psycopg
import pytest
from psycopg.errors import CheckViolation, ObjectNotInPrerequisiteState

_FILL = """
INSERT INTO events (id, type, subject, actor, request_id, peer, data)
SELECT gen_random_uuid(), 't', '', '', '', '', '{}' FROM generate_series(1, 10)
"""
_MERGE = """
MERGE INTO events e USING (SELECT 3 AS position) g ON e.position = g.position WHEN MATCHED THEN
"""


@pytest.fixture
def events(behind: psycopg.Connection) -> psycopg.Connection:
    """A connection to a database with events 1 to 10."""
    behind.execute(_FILL)
    return behind


def positions(events: psycopg.Connection) -> list[int]:
    return [row[0] for row in events.execute("SELECT position FROM events ORDER BY position")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET type = 'other' WHERE position = 3",
        "UPDATE events SET type = 'other' WHERE false",
        "UPDATE events SET data = data",
        "INSERT INTO events SELECT * FROM events ON CONFLICT (position) DO UPDATE SET type = 'x'",
        f"{_MERGE} UPDATE SET type = 'other'",
        "TRUNCATE events",
        "TRUNCATE events, event_archive CASCADE",
        "DELETE FROM events",
        "DELETE FROM events WHERE position = 10",
        f"{_MERGE} DELETE",
        "WITH gone AS (DELETE FROM events RETURNING 1) SELECT count(*) FROM gone",
    ],
)
def test_events_are_neither_changed_nor_lost(events: psycopg.Connection, statement: str) -> None:
    with pytest.raises(ObjectNotInPrerequisiteState, match="events are"):
        events.execute(statement)
    assert positions(events) == list(range(1, 11))
    assert events.execute("SELECT DISTINCT type FROM events").fetchall() == [("t",)]


def test_what_was_exported_can_be_deleted_and_nothing_beyond(events: psycopg.Connection) -> None:
    events.execute("UPDATE event_archive SET exported = 4")
    with pytest.raises(ObjectNotInPrerequisiteState):
        events.execute("DELETE FROM events WHERE position <= 5")
    events.execute("DELETE FROM events WHERE position <= 4")
    assert positions(events) == list(range(5, 11))


def test_what_nobody_knows_to_be_exported_is_not_deleted(events: psycopg.Connection) -> None:
    events.execute("DELETE FROM event_archive")
    with pytest.raises(ObjectNotInPrerequisiteState):
        events.execute("DELETE FROM events")


def test_nothing_counts_as_deleted_that_was_not_exported(events: psycopg.Connection) -> None:
    with pytest.raises(CheckViolation):
        events.execute("UPDATE event_archive SET deleted = 1")
