"""All SQL of the graph that decisions follow: subjects, memberships, and what roles allow."""

from collections.abc import Collection

from sqlalchemy import Connection, text

from service.access.errors import RoleInUse
from service.access.models import EVERYONE, State

_INSERT_SUBJECT = text("INSERT INTO subjects (name, state) VALUES (:name, :state)")
_SET_STATE = text("UPDATE subjects SET state = :state WHERE name = :name AND state <> :state")
_LOCK_SUBJECT = text("SELECT FROM subjects WHERE name = :name FOR UPDATE")
_LOCK_MEMBERSHIPS = text(
    "SELECT FROM memberships WHERE group_name = :name OR member = :name"
    " ORDER BY group_name, member FOR UPDATE"
)
_LOCK_GRANTS = text(
    "SELECT FROM grants WHERE subject = :name OR path = :path"
    " OR (path > :path || '/' AND path < :path || '0') ORDER BY id FOR UPDATE"
)
_DELETE_MEMBERSHIPS = text(
    "DELETE FROM memberships WHERE group_name = :name OR member = :name"
    " RETURNING group_name, member"
)
_DELETE_SUBJECT = text("DELETE FROM subjects WHERE name = :name")
_LOCK_SUBJECTS = text(
    "SELECT name FROM subjects WHERE name = ANY(:names) ORDER BY name FOR KEY SHARE"
)
_LOCK_ROLE = text("SELECT FROM roles WHERE name = :role FOR KEY SHARE")
_INSERT_MEMBERSHIP = text(
    "INSERT INTO memberships (group_name, member) VALUES (:group, :member) ON CONFLICT DO NOTHING"
)
_DELETE_MEMBERSHIP = text("DELETE FROM memberships WHERE group_name = :group AND member = :member")
_MEMBERSHIPS_AMONG = text(
    "SELECT group_name FROM memberships WHERE member = :member AND group_name = ANY(:groups)"
)
_MEMBERS = text(
    "SELECT member FROM memberships WHERE group_name = :group AND member > :after"
    " ORDER BY member LIMIT :limit"
)
_MEMBERSHIPS = text(
    "SELECT group_name FROM memberships WHERE member = :member AND group_name > :after"
    " ORDER BY group_name LIMIT :limit"
)
_ABOVE = """
WITH RECURSIVE above (name) AS (
    SELECT group_name FROM memberships WHERE member = ANY(:members)
    UNION
    SELECT m.group_name FROM above JOIN memberships m ON m.member = above.name
)
"""
_MEMBERSHIPS_ABOVE = text(
    _ABOVE + "SELECT name FROM above WHERE name > :after ORDER BY name LIMIT :limit"
)
_IS_ABOVE = text(_ABOVE + "SELECT EXISTS (SELECT FROM above WHERE name = :group)")
_COUNT_MEMBERSHIPS = text("SELECT count(*) FROM memberships WHERE member = :member")
# How many groups are in a group, up to a bound, and in how many groups each of these is at most.
_NESTING = text("""
WITH RECURSIVE below (name) AS (
    SELECT CAST(:group AS text) COLLATE "C"
    UNION
    SELECT m.member FROM below JOIN memberships m ON m.group_name = below.name
    WHERE m.member LIKE 'groups/%'
), few (name) AS (
    SELECT name FROM below LIMIT :most + 2
), above (name, upper) AS (
    SELECT few.name, m.group_name FROM few JOIN memberships m ON m.member = few.name
    UNION
    SELECT above.name, m.group_name FROM above JOIN memberships m ON m.member = above.upper
)
SELECT (SELECT count(*) - 1 FROM few) AS below, (
    SELECT coalesce(max(count), 0) FROM (SELECT count(*) FROM above GROUP BY name) of_each
) AS above
""")
_DELETE_PERMISSIONS = text("DELETE FROM role_permissions WHERE role = :role")
_INSERT_PERMISSIONS = text(
    "INSERT INTO role_permissions (role, permission)"
    " SELECT :role, unnest(CAST(:patterns AS text[]))"
)
_GRANTED = text(
    "SELECT EXISTS (SELECT FROM grants WHERE role = :role"
    " AND (expire_time IS NULL OR expire_time > clock_timestamp()))"
)
_DELETE_EXPIRED = text("DELETE FROM grants WHERE role = :role AND expire_time <= clock_timestamp()")

_IS_OWNED = text(
    "SELECT EXISTS (SELECT FROM grants g"
    " JOIN role_permissions p ON p.role = g.role AND p.permission = '*'"
    " WHERE g.path = '/' AND g.effect = 'ALLOW')"
)

# Who was granted everything on `/` for good, directly or in a group, can sign in, and is not denied
# the grants by which anything else could be mended. It looks down from the owners only until it has
# found one, and up from that one: groups of everybody are no reason to go through everybody.
_HAS_OWNER = text("""
WITH RECURSIVE owners (name) AS (
    SELECT g.subject FROM grants g
    JOIN role_permissions p ON p.role = g.role AND p.permission = '*'
    WHERE g.path = '/' AND g.effect = 'ALLOW' AND g.expire_time IS NULL
    UNION
    SELECT m.member FROM owners JOIN memberships m ON m.group_name = owners.name
), denied (name) AS (
    SELECT g.subject FROM grants g
    JOIN role_permissions p ON p.role = g.role
        AND p.permission IN ('*', 'grants.*', 'grants.create', 'grants.delete', 'grants.list')
    WHERE g.path = '/' AND g.effect = 'DENY'
        AND (g.expire_time IS NULL OR g.expire_time > clock_timestamp())
)
SELECT EXISTS (
    SELECT FROM owners, LATERAL (SELECT state FROM subjects s WHERE s.name = owners.name) s
    WHERE s.state = 'ACTIVE' AND owners.name LIKE 'users/%' AND NOT EXISTS (
        WITH RECURSIVE above (name) AS (
            SELECT unnest(ARRAY[owners.name, 'everyone']) COLLATE "C"
            UNION
            SELECT m.group_name FROM above JOIN memberships m ON m.member = above.name
        )
        SELECT FROM above JOIN denied ON denied.name = above.name
    )
)
""")


class GraphRepository:
    """The graph in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._run = connection.execute

    def insert_subject(self, name: str, state: State) -> None:
        """Keeps a new subject."""
        self._run(_INSERT_SUBJECT, {"name": name, "state": state})

    def set_state(self, name: str, state: State) -> bool:
        """Keeps a subject's state; whether it was another."""
        return self._run(_SET_STATE, {"name": name, "state": state}).rowcount > 0

    def lock_subject(self, name: str) -> None:
        """Locks all that goes with a subject; who grants it something meanwhile finds it gone."""
        self._run(_LOCK_SUBJECT, {"name": name})
        self._run(_LOCK_MEMBERSHIPS, {"name": name})
        self._run(_LOCK_GRANTS, {"name": name, "path": f"/{name}"})

    def delete_memberships(self, name: str) -> list[tuple[str, str]]:
        """Takes a subject out of its groups, and its members out of it: group, member."""
        gone = self._run(_DELETE_MEMBERSHIPS, {"name": name})
        return sorted((group, member) for group, member in gone)

    def delete_subject(self, name: str) -> None:
        """Deletes a subject that has neither grants nor memberships any more."""
        self._run(_DELETE_SUBJECT, {"name": name})

    def hold_subjects(self, *names: str) -> set[str]:
        """Those that exist, which they do until the transaction ends."""
        return set(self._run(_LOCK_SUBJECTS, {"names": list(names)}).scalars())

    def hold_role(self, role: str) -> None:
        """If the role exists, it does until the transaction ends."""
        self._run(_LOCK_ROLE, {"role": role})

    def insert_membership(self, group: str, member: str) -> bool:
        """Puts a subject into a group; whether it was not in it before."""
        parameters = {"group": group, "member": member}
        return self._run(_INSERT_MEMBERSHIP, parameters).rowcount > 0

    def delete_membership(self, group: str, member: str) -> bool:
        """Takes a subject out of a group; whether it was in it."""
        parameters = {"group": group, "member": member}
        return self._run(_DELETE_MEMBERSHIP, parameters).rowcount > 0

    def memberships_among(self, member: str, groups: Collection[str]) -> set[str]:
        """Those of the groups that a subject was put into."""
        parameters = {"member": member, "groups": list(groups)}
        return set(self._run(_MEMBERSHIPS_AMONG, parameters).scalars())

    def members(self, group: str, after: str, limit: int) -> list[str]:
        """Who was put into the group, by name, after `after`."""
        parameters = {"group": group, "after": after, "limit": limit}
        return list(self._run(_MEMBERS, parameters).scalars())

    def groups_of(self, member: str, after: str, limit: int, *, transitive: bool) -> list[str]:
        """The groups that a subject is in, by name, after `after`."""
        parameters: dict[str, object] = {"member": member, "after": after, "limit": limit}
        if transitive:
            parameters["members"] = [member, EVERYONE]
        query = _MEMBERSHIPS_ABOVE if transitive else _MEMBERSHIPS
        return list(self._run(query, parameters).scalars())

    def is_in(self, member: str, group: str) -> bool:
        """Whether a subject is in a group, directly or through others."""
        return bool(self._run(_IS_ABOVE, {"members": [member], "group": group}).scalar_one())

    def count_memberships(self, member: str) -> int:
        """In how many groups a subject was put."""
        return int(self._run(_COUNT_MEMBERSHIPS, {"member": member}).scalar_one())

    def nesting(self, group: str, most: int) -> tuple[int, int]:
        """How many groups are in a group (up to `most` + 1), and how many one of them is in."""
        row = self._run(_NESTING, {"group": group, "most": most}).one()
        return row.below, row.above

    def set_permissions(self, role: str, patterns: Collection[str]) -> None:
        """Replaces what a role allows."""
        self._run(_DELETE_PERMISSIONS, {"role": role})
        self._run(_INSERT_PERMISSIONS, {"role": role, "patterns": sorted(patterns)})

    def require_unused(self, role: str) -> None:
        """Deletes grants of the role that have expired. Raises RoleInUse if there are others."""
        self._run(_DELETE_EXPIRED, {"role": role})
        if self._run(_GRANTED, {"role": role}).scalar_one():
            raise RoleInUse(role)

    def is_owned(self) -> bool:
        """Whether anybody was ever granted everything on `/` and has it still."""
        return bool(self._run(_IS_OWNED).scalar_one())

    def has_owner(self) -> bool:
        """Whether somebody who can sign in owns `/`."""
        return bool(self._run(_HAS_OWNER).scalar_one())
