"""The statements that decisions are loaded with: each sees one snapshot, and says which."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from service.kernel.changes import Change, ChangeKind
from service.storage.prepared import Prepared

PAGE = 1000
# More grants than this of one subject are not loaded whole but path by path.
MOST_GRANTS = 1000

# Events and changes are numbered alike, and any snapshot sees a prefix of the numbers.
_POSITION = """
    greatest((SELECT max(position) FROM changes), (SELECT max(position) FROM events), 0)
"""
# The second condition is looked at once, and where nothing is newer, which is nearly always, spares
# the scan that a plan made for every `after` would begin with.
_NEWER = f"""
    SELECT kind, key, position FROM changes
    WHERE position > :after AND (SELECT max(position) FROM changes) > :after
    ORDER BY position LIMIT {PAGE}
"""
# The last row is the position; no JSON here, because most of the time there is nothing newer.
_CATCH_UP = Prepared(text(f"({_NEWER}) UNION ALL SELECT NULL, NULL, {_POSITION}"))
_LOAD = Prepared(
    text(f"""
WITH RECURSIVE above (member, name) AS (
    SELECT m.member, m.group_name FROM memberships m WHERE m.member = ANY(:subjects)
    UNION
    SELECT above.member, m.group_name FROM above JOIN memberships m ON m.member = above.name
), counted (subject, count) AS (
    SELECT s.subject, (
        SELECT count(*) FROM (
            SELECT FROM grants WHERE subject = s.subject LIMIT {MOST_GRANTS + 1}
        ) few
    ) FROM unnest(CAST(:principals AS text[])) AS s (subject)
), found (subject, path, role, effect, expire_time) AS (
    SELECT g.subject, g.path, g.role, g.effect, extract(epoch FROM g.expire_time)
    FROM counted c JOIN grants g ON g.subject = c.subject WHERE c.count <= {MOST_GRANTS}
    UNION ALL
    SELECT g.subject, g.path, g.role, g.effect, extract(epoch FROM g.expire_time)
    FROM unnest(CAST(:holders AS text[]), CAST(:paths AS text[])) AS p (subject, path)
    JOIN grants g ON g.subject = p.subject AND g.path = p.path
)
SELECT {_POSITION} AS position,
    (SELECT json_agg(json_build_array(kind, key, position)) FROM ({_NEWER}) c) AS changes,
    (SELECT json_object_agg(name, state) FROM subjects WHERE name = ANY(:subjects)) AS states,
    (SELECT json_agg(json_build_array(member, name)) FROM above) AS memberships,
    (SELECT json_agg(subject) FROM counted WHERE count > {MOST_GRANTS}) AS large,
    (SELECT json_agg(json_build_array(subject, path, role, effect, expire_time)) FROM found)
        AS grants,
    (SELECT json_agg(json_build_array(role, permission)) FROM role_permissions
        WHERE role = ANY(:roles)) AS permissions
""")
)


class PolicyRepository:
    """What decisions are made of."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def newer(self, after: int) -> tuple[list[Change], int]:
        """The changes after a position, at most PAGE, and the position of the snapshot."""
        *newer, (_, _, position) = _CATCH_UP.all(self._connection, {"after": after})
        return _changes(newer), position

    def load(
        self,
        after: int,
        *,
        subjects: Sequence[str],
        principals: Sequence[str],
        places: Sequence[tuple[str, str]],
        roles: Sequence[str],
    ) -> tuple[list[Change], Any]:
        """One row: where the snapshot is, and what was asked for, as lists of lists.

        With it the changes after a position, at most PAGE. `places` are subject and path.
        """
        parameters = {
            "after": after,
            "subjects": list(subjects),
            "principals": list(principals),
            "holders": [holder for holder, _ in places],
            "paths": [path for _, path in places],
            "roles": list(roles),
        }
        row = _LOAD.one_or_none(self._connection, parameters)
        return _changes(row.changes), row


def _changes(found: Sequence[Sequence[Any]] | None) -> list[Change]:
    return [Change(ChangeKind(kind), key, position=position) for kind, key, position in found or ()]
