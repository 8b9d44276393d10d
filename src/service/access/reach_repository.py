"""The queries that answer lists, and why: one statement each, so one snapshot each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from service.access.models import Check, Effect, Grant, Holder, Reached, State, Step, Why, covering
from service.access.models import own as owned
from service.kernel import paths

# A grant applies while it lives and its role covers the permission.
_APPLYING = """
applying (subject, path, effect) AS (
    SELECT g.subject, g.path, g.effect FROM grants g
    WHERE g.role IN (SELECT role FROM role_permissions WHERE permission = ANY(:covering))
        AND (g.expire_time IS NULL OR g.expire_time > clock_timestamp()) AND {which}
)
"""
_PRINCIPALS = """
principals (name) AS (
    SELECT unnest(ARRAY[:subject, 'everyone']) COLLATE "C"
    WHERE EXISTS (SELECT FROM subjects WHERE name = :subject AND state <> 'SUSPENDED')
    UNION
    SELECT m.group_name FROM principals JOIN memberships m ON m.member = principals.name
)
"""

# What was granted at or below `under`, or above it and so at `under`; less what is denied. Then
# what is denied below those, so that the answer says all. `own` is what needs no grant.
#
# With "/" as the least of all characters, what is below a path follows it, from `first` up to
# `last`. Of two such ranges one is in the other, or they have nothing in common: so a path is below
# a DENY when the greatest `last` of those at or before it is beyond it. One sort, however many.
_PATHS = text(
    f"""
WITH RECURSIVE {_PRINCIPALS}, {
        _APPLYING.format(
            which="g.subject IN (SELECT name FROM principals)"
            " AND (g.path = ANY(:around) OR (g.path > :below_from AND g.path < :below_to))"
        )
    }, marked (path, mark) AS (
    SELECT CASE WHEN path = ANY(:above) THEN :under ELSE path END COLLATE "C", effect FROM applying
    UNION SELECT path, 'ALLOW' FROM unnest(CAST(:deniable AS text[])) AS path
        WHERE EXISTS (SELECT FROM principals)
    UNION SELECT path, 'OWN' FROM unnest(CAST(:own AS text[])) AS path
        WHERE EXISTS (SELECT FROM principals)
), ranges AS (
    SELECT path, mark, base || chr(1) AS first, base || chr(2) AS last
    FROM marked, translate(rtrim(path, '/'), '/', chr(1)) AS base
), covered AS (
    SELECT *, max(last) FILTER (WHERE mark = 'DENY') OVER before AS denied_to,
        max(last) FILTER (WHERE mark = 'OWN') OVER before AS own_to
    FROM ranges WINDOW before AS (ORDER BY first)
), reached AS (
    SELECT *, mark = 'OWN' OR (mark = 'ALLOW' AND (denied_to > first) IS NOT TRUE) AS is_reached
    FROM covered
), told AS (
    SELECT *, max(last) FILTER (WHERE is_reached) OVER (ORDER BY first) AS reached_to FROM reached
), listed (path, denied) AS (
    SELECT DISTINCT path, mark = 'DENY' FROM told WHERE is_reached
        OR (mark = 'DENY' AND reached_to > first AND (own_to > first) IS NOT TRUE)
)
SELECT path, denied FROM listed
WHERE (path, denied) > (:after_path, :after_denied) ORDER BY path, denied LIMIT :limit
"""
)

# Down the groups from those denied, and from those allowed where groups are expanded; then into
# them, for whom comes after the page before. Groups, and `everyone`, come before all others.
#
# Nothing hangs on the planner's guess of how many there are: set operations are never quadratic,
# and OFFSET 0 has members and states looked up in an index, states name by name until the page is
# full.
_INSIDE = """
    SELECT m.member FROM {these} t, LATERAL (
        SELECT member FROM memberships WHERE group_name = t.name AND member {which} OFFSET 0) m
"""
_SUBJECTS = text(
    f"""
WITH RECURSIVE {_APPLYING.format(which="g.path = ANY(:above)")}, denying (name) AS (
    SELECT subject FROM applying WHERE effect = 'DENY'
    UNION {_INSIDE.format(these="denying", which="< 'groups0'")}
), denied (name) AS (
    SELECT name FROM denying UNION ALL {_INSIDE.format(these="denying", which="> :after_member")}
), allowing (name) AS (
    SELECT subject FROM applying WHERE effect = 'ALLOW'
    UNION SELECT name COLLATE "C" FROM unnest(CAST(:deniable AS text[])) AS name
    UNION {_INSIDE.format(these="allowing", which="< 'groups0'")} WHERE :expand_groups
), allowed (name) AS (
    SELECT name FROM allowing
    UNION ALL {_INSIDE.format(these="allowing", which="> :after_member")} WHERE :expand_groups
), holding (name) AS (
    SELECT name FROM allowed WHERE NOT (:expand_groups AND starts_with(name, 'groups/'))
        AND NOT EXISTS (SELECT FROM denied WHERE name = 'everyone')
    EXCEPT SELECT name FROM denied
    UNION SELECT name COLLATE "C" FROM unnest(CAST(:own AS text[])) AS name
), listed (name, denied) AS (
    (SELECT h.name, false
    FROM (SELECT name FROM holding WHERE name > :after_name ORDER BY name) h,
        LATERAL (SELECT state FROM subjects WHERE name = h.name OFFSET 0) s
    WHERE s.state <> 'SUSPENDED' ORDER BY h.name LIMIT :limit)
    UNION
    SELECT a.subject, true FROM applying a
    WHERE a.effect = 'DENY' AND EXISTS (
        SELECT FROM holding h JOIN subjects s ON s.name = h.name
        WHERE h.name < 'groups0' AND s.state <> 'SUSPENDED'
    ) AND NOT EXISTS (
        SELECT FROM subjects s
        WHERE s.name = a.subject AND s.name = ANY(:own) AND s.state <> 'SUSPENDED')
)
SELECT name, denied FROM listed
WHERE (name, denied) > (:after_name, :after_denied) ORDER BY name, denied LIMIT :limit
"""
)

# Everything that bears on one question, and the role that allows least besides: the one with the
# fewest wildcards, then the fewest permissions.
_WHY = text("""
WITH RECURSIVE edges (member, name) AS (
    SELECT member, group_name FROM memberships WHERE member IN (:subject, 'everyone')
    UNION
    SELECT m.member, m.group_name FROM edges JOIN memberships m ON m.member = edges.name
), principals (name) AS (
    SELECT unnest(ARRAY[:subject, 'everyone']) COLLATE "C" UNION SELECT name FROM edges
), applying AS (
    SELECT g.*, p.permission AS pattern FROM principals
    JOIN grants g ON g.subject = principals.name AND g.path = ANY(:above)
    JOIN role_permissions p ON p.role = g.role AND p.permission = ANY(:covering)
    WHERE g.expire_time IS NULL OR g.expire_time > clock_timestamp()
), steps AS (
    SELECT id, path, role, subject, effect, expire_time, create_time, creator,
        array_agg(pattern) AS patterns
    FROM applying GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
)
SELECT (SELECT state FROM subjects WHERE name = :subject) AS state,
    (SELECT json_agg(json_build_array(member, name)) FROM edges) AS edges,
    (SELECT json_agg(row_to_json(steps) ORDER BY length(path) DESC, id) FROM steps) AS steps,
    (SELECT r.role FROM role_permissions r WHERE r.role IN (
            SELECT role FROM role_permissions WHERE permission = ANY(:covering))
        GROUP BY r.role ORDER BY bool_or(r.permission = '*'),
            count(*) FILTER (WHERE r.permission LIKE '%.*'), count(*), r.role
        LIMIT 1) AS narrowest
""")


class ReachRepository:
    """Who reaches what."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def paths(
        self, subject: str, permission: str, under: str, after: Reached | None, limit: int | None
    ) -> list[Reached]:
        """What the subject reaches at or below `under`, by path, and where it is denied again.

        Without a limit, all that comes after `after`.
        """
        place = after or Reached("", denied=False)
        above = list(paths.ancestors(under))
        below = "" if under == "/" else under
        parameters = {
            "subject": subject,
            "covering": covering(permission),
            "under": under,
            "above": above,
            "around": [*above, *_passed(place.path, f"{below}/")],
            "below_from": max(f"{below}/", place.path),
            "below_to": f"{below}0",
            "own": _own_paths(subject, permission, under, deniable=False),
            "deniable": _own_paths(subject, permission, under, deniable=True),
            "after_path": place.path,
            "after_denied": place.denied,
            "limit": limit,
        }
        return [Reached(row.path, row.denied) for row in self._run(_PATHS, parameters)]

    def subjects(
        self,
        permission: str,
        path: str,
        after: Holder | None,
        limit: int,
        *,
        expand_groups: bool,
    ) -> list[Holder]:
        """Who holds the permission on the path, by name, and who is denied it among them."""
        place = after or Holder("", denied=False)
        parameters = {
            "covering": covering(permission),
            "above": list(paths.ancestors(path)),
            "expand_groups": expand_groups,
            "own": _owners(path, permission, deniable=False),
            "deniable": _owners(path, permission, deniable=True),
            "after_name": place.subject,
            "after_member": max(place.subject, "groups0"),
            "after_denied": place.denied,
            "limit": limit,
        }
        return [Holder(row.name, row.denied) for row in self._run(_SUBJECTS, parameters)]

    def why(self, check: Check) -> Why:
        """Everything that bears on the question, from one snapshot."""
        wanted = covering(check.permission)
        parameters = {
            "subject": check.subject,
            "covering": wanted,
            "above": list(paths.ancestors(check.path)),
        }
        row = self._run(_WHY, parameters).one()
        groups: dict[str, list[str]] = {}
        for member, group in sorted(row.edges or ()):
            groups.setdefault(member, []).append(group)
        return Why(
            state=State(row.state) if row.state else None,
            groups=groups,
            steps=[_step(found, wanted) for found in row.steps or ()],
            narrowest_role=row.narrowest or "",
        )


def _own_paths(subject: str, permission: str, under: str, *, deniable: bool) -> list[str]:
    """The subject's own paths at or below `under`; `under` itself where it lies below one."""
    found = []
    for one in owned(subject):
        if one.deniable is deniable and one.permissions.allows(permission):
            place = one.path(subject)
            if under in paths.ancestors(place):
                found.append(place)
            elif place in paths.ancestors(under):
                found.append(under)
    return found


def _passed(after: str, folder: str) -> list[str]:
    """What a page before may have had, of which there may be more below after `after`.

    `/a` has `/a.b` after it, and only then `/a/b`.
    """
    if not after.startswith(folder):
        return []
    longer = range(len(folder) + 1, len(after))
    return [*(after[:end] for end in longer if after[end] <= "/"), after]


def _owners(path: str, permission: str, *, deniable: bool) -> list[str]:
    """Whose own the path is: `users/{id}` of `/users/{id}/…` and of `/files/users/{id}/…`."""
    segments = path[1:].split("/")
    candidates = ["/".join(segments[:2]), "/".join(segments[1:3])]
    return [
        subject
        for subject in candidates
        for one in owned(subject)
        if one.deniable is deniable
        and one.permissions.allows(permission)
        and one.path(subject) in paths.ancestors(path)
    ]


def _step(found: dict[str, Any], wanted: Sequence[str]) -> Step:
    ends = found["expire_time"]
    grant = Grant(
        id=UUID(found["id"]),
        path=found["path"],
        role=found["role"],
        subject=found["subject"],
        effect=Effect(found["effect"]),
        expire_time=datetime.fromisoformat(ends) if ends else None,
        create_time=datetime.fromisoformat(found["create_time"]),
        creator=found["creator"],
    )
    pattern = next(one for one in wanted if one in found["patterns"])
    return Step(grant.path, grant.subject, grant.effect, pattern, grant)
