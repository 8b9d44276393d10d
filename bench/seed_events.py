"""Events by the million, put straight into a server's database: one each millisecond.

As many types as there are, a fifth of the events of groups. Whatever their number, 200 of them are
about one user, spread evenly.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from bench.database import connect
from bench.gatehouse import Gatehouse

TYPE_PREFIX = "gatehouse.groups."
SUBJECT = "users/0192f0c1-0000-7000-8000-000000000000"

_OF_SUBJECT = 200
_HAPPENED = ("created", "updated", "deleted", "enabled", "disabled", "changed")
_RESOURCES = ("access", "files", "keys", "members", "roles", "sessions", "services", "users")
_OTHER_TYPES = [f"gatehouse.{resource}.{it}" for resource, it in product(_RESOURCES, _HAPPENED)]
_GROUP_TYPES = [TYPE_PREFIX + happened for happened in _HAPPENED]
_STATEMENTS = (
    "SELECT setseed(0.5)",
    """
    INSERT INTO events (id, type, subject, actor, time, request_id, peer, data)
    SELECT uuidv7(),
        CASE WHEN random() < 0.2 THEN (%(group_types)s::text[])[1 + n %% %(group_types_count)s]
             ELSE (%(other_types)s::text[])[1 + floor(random() * %(other_types_count)s)::int] END,
        CASE WHEN n %% (%(count)s / %(of_subject)s) = 0 THEN %(subject)s
             ELSE 'users/' || n %% 10000 END,
        'users/' || n %% 100, %(begin)s::timestamptz + n * interval '1 ms',
        gen_random_uuid()::text, '192.0.2.1',
        '{"fields": ["description"], "before": {"description": "old"},
          "after": {"description": "new"}}'
    FROM generate_series(0, %(count)s - 1) n
    """,
    # No webhook is there to be told of them.
    "UPDATE webhook_cursor SET position = (SELECT max(position) FROM events)",
    "VACUUM ANALYZE events",  # as autovacuum would, some minutes later
)


@dataclass(frozen=True)
class Seeded:
    """So many events, from some time on."""

    count: int
    begin: datetime

    def time(self, number: int) -> datetime:
        """Of the n-th event."""
        return self.begin + timedelta(milliseconds=number)


def insert_events(server: Gatehouse, count: int) -> Seeded:
    """Puts so many after those that there are."""
    with connect(server.data_dir) as connection:
        connection.autocommit = True
        row = connection.execute("SELECT max(time) FROM events").fetchone()
        assert row
        assert isinstance(row[0], datetime)
        values = {
            "begin": row[0],
            "count": count,
            "subject": SUBJECT,
            "of_subject": _OF_SUBJECT,
            "group_types": _GROUP_TYPES,
            "group_types_count": len(_GROUP_TYPES),
            "other_types": _OTHER_TYPES,
            "other_types_count": len(_OTHER_TYPES),
        }
        for statement in _STATEMENTS:
            connection.execute(statement, values if "%" in statement else None)
        return Seeded(count, row[0])
