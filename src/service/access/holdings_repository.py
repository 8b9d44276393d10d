"""The SQL behind what callers hold, as their own transaction sees it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, TextClause, text

from service.access.models import EVERYONE, Effect, Holding, Permissions

_PRINCIPALS = """
WITH RECURSIVE principals (name) AS (
    SELECT unnest(CAST(:seeds AS text[])) COLLATE "C"
    UNION
    SELECT m.group_name FROM principals JOIN memberships m ON m.member = principals.name
)
"""
_GRANTS = """
SELECT g.path, g.effect, g.expire_time, g.create_time, p.patterns
FROM principals JOIN grants g ON g.subject = principals.name
CROSS JOIN LATERAL (
    SELECT array_agg(permission) AS patterns FROM role_permissions WHERE role = g.role
) p
WHERE (g.expire_time IS NULL OR g.expire_time > clock_timestamp())
"""
_APPLYING = text(
    _PRINCIPALS
    + _GRANTS
    + """
    AND EXISTS (SELECT FROM subjects WHERE name = :subject AND state <> 'SUSPENDED')
    AND (g.path = ANY(:above) OR (g.effect = 'DENY' AND EXISTS (
        SELECT FROM unnest(CAST(:paths AS text[])) AS path
        WHERE path = '/' OR (g.path > path || '/' AND g.path < path || '0')
    )))
    ORDER BY g.effect LIMIT :limit
    """
)
_OF = text(_PRINCIPALS + _GRANTS + " LIMIT :limit")
_CREATED = text("SELECT create_time FROM subjects WHERE name = :subject")
_PLACES = text(
    "SELECT DISTINCT path FROM grants JOIN subjects ON subjects.name = substr(path, 2)"
    " WHERE role = :role AND effect = 'ALLOW'"
    " AND expire_time IS NULL AND split_part(path, '/', 2) = ANY(:collections)"
    " AND path ~ '^/[^/]+/[^/]+$' LIMIT :limit"
)
_ROLE = text("SELECT permission FROM role_permissions WHERE role = :role ORDER BY permission")


class HoldingsRepository:
    """Grants as they bear on what one may pass on."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def applying(
        self,
        subject: str,
        paths: Sequence[str],
        above: Sequence[str],
        *,
        limit: int,
    ) -> list[Holding]:
        """What the subject was granted on `above`, and denied there or below `paths`: `limit`.

        What was granted comes before what is denied.
        """
        parameters = {
            "subject": subject,
            "seeds": [subject, EVERYONE],
            "paths": list(paths),
            "above": list(above),
            "limit": limit,
        }
        return list(self._holdings(_APPLYING, parameters))

    def of(self, subject: str, limit: int) -> list[Holding]:
        """The living grants to the subject and the groups it is in, up to `limit`."""
        return list(self._holdings(_OF, {"seeds": [subject], "limit": limit}))

    def create_time(self, subject: str) -> datetime | None:
        """When the subject was created; None for an unknown one."""
        found: datetime | None = self._run(_CREATED, {"subject": subject}).scalar_one_or_none()
        return found

    def places_of(self, role: str, collections: Collection[str], limit: int) -> list[str]:
        """The own paths of those in the collections on which the role is granted for good."""
        parameters = {"role": role, "collections": list(collections), "limit": limit}
        return list(self._run(_PLACES, parameters).scalars())

    def patterns_of(self, role: str) -> list[str]:
        """What the role allows; empty for one that does not exist."""
        return list(self._run(_ROLE, {"role": role}).scalars())

    def _holdings(self, query: TextClause, parameters: Mapping[str, object]) -> Iterator[Holding]:
        for row in self._run(query, dict(parameters)):
            yield Holding(
                row.path,
                Effect(row.effect),
                Permissions(row.patterns),
                row.expire_time,
                row.create_time,
            )
