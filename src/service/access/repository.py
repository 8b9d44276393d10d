"""All SQL of the grants."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from service.access.errors import GrantExists, GrantNotFound, RoleNotFound, SubjectNotFound
from service.access.models import Effect, Grant, GrantFilter, NewGrant
from service.kernel import paths
from service.kernel.errors import Conflict
from service.storage.constraints import broken

_COLUMNS = "id, path, role, subject, effect, expire_time, create_time, creator"
_INSERT = text(
    "INSERT INTO grants (id, path, role, subject, effect, expire_time, creator)"
    " VALUES (:id, :path, :role, :subject, :effect, :expire_time, :creator)"
    f" ON CONFLICT ON CONSTRAINT grants_same DO NOTHING RETURNING {_COLUMNS}"
)
_SAME = text(
    "SELECT id FROM grants WHERE subject = :subject AND path = :path AND role = :role"
    " AND effect = :effect AND expire_time IS NOT DISTINCT FROM :expire_time"
)
_FIND = text(f"SELECT {_COLUMNS} FROM grants WHERE id = :id")
_FIND_FOR_UPDATE = text(f"SELECT {_COLUMNS} FROM grants WHERE id = :id FOR UPDATE")
_DELETE = text("DELETE FROM grants WHERE id = :id")
_DELETE_OF = text(f"DELETE FROM grants WHERE subject = :subject RETURNING {_COLUMNS}")
_DELETE_ON = text(
    "DELETE FROM grants WHERE path = :path OR (path > :path || '/' AND path < :path || '0')"
    f" RETURNING {_COLUMNS}"
)
# A condition is there or not, so that each has the plan that suits it.
_PATHS = "path = ANY(:paths)"
_SUBJECTS = "subject IN (SELECT name FROM principals)"
_ROLE = "role = :role"
_AFTER = "id > :after"
_PRINCIPALS = """
WITH RECURSIVE principals (name) AS (
    SELECT unnest(CAST(:subjects AS text[])) COLLATE "C"
    UNION
    SELECT m.group_name FROM principals JOIN memberships m ON m.member = principals.name
    WHERE :inherited
)
"""


class GrantRepository:
    """Grants in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def insert(self, grant_id: UUID, new: NewGrant, creator: str) -> Grant:
        """Keeps a new grant. Raises GrantExists, SubjectNotFound, RoleNotFound."""
        row = _row(new)
        try:
            made = self._run(_INSERT, row | {"id": grant_id, "creator": creator}).one_or_none()
        except IntegrityError as error:
            match broken(error):
                case "grants_role_fkey":
                    raise RoleNotFound(new.role) from None
                case "grants_subject_fkey":
                    raise SubjectNotFound(new.subject) from None
            raise
        if made is None:
            same = self._run(_SAME, row).scalar_one_or_none()
            if same is None:
                raise Conflict  # it was deleted in between
            raise GrantExists(f"grants/{same}")
        return _grant(made)

    def find(self, grant_id: UUID) -> Grant | None:
        """The grant, if there is one."""
        row = self._run(_FIND, {"id": grant_id}).one_or_none()
        return None if row is None else _grant(row)

    def get_for_update(self, grant_id: UUID) -> Grant:
        """The grant, locked until the transaction ends. Raises GrantNotFound."""
        row = self._run(_FIND_FOR_UPDATE, {"id": grant_id}).one_or_none()
        if row is None:
            raise GrantNotFound(f"grants/{grant_id}")
        return _grant(row)

    def delete(self, grant_id: UUID) -> None:
        """Deletes a grant."""
        self._run(_DELETE, {"id": grant_id})

    def delete_of(self, subject: str) -> Sequence[Grant]:
        """Deletes a subject's grants, and answers them."""
        return [_grant(row) for row in self._run(_DELETE_OF, {"subject": subject})]

    def delete_on(self, path: str) -> Sequence[Grant]:
        """Deletes the grants on a path and below it, and answers them."""
        return [_grant(row) for row in self._run(_DELETE_ON, {"path": path})]

    def list(self, which: GrantFilter, after: UUID | None, limit: int) -> list[Grant]:
        """Up to `limit` grants after `after`, oldest first."""
        conditions = ["true"]
        given: dict[str, object] = {"limit": limit}
        if which.path:
            conditions.append(_PATHS)
            above = list(paths.ancestors(which.path))
            given["paths"] = above if which.inherited else [which.path]
        if which.subject:
            conditions.append(_SUBJECTS)
            inherited = ["everyone"] if which.inherited else []
            given |= {"subjects": [which.subject, *inherited], "inherited": which.inherited}
        if which.role:
            conditions.append(_ROLE)
            given["role"] = which.role
        if after is not None:
            conditions.append(_AFTER)
            given["after"] = after
        query = (
            (_PRINCIPALS if which.subject else "")
            + f"SELECT {_COLUMNS} FROM grants WHERE {' AND '.join(conditions)}"
            + " ORDER BY id LIMIT :limit"
        )
        return [_grant(row) for row in self._run(text(query), given)]


def _row(new: NewGrant) -> dict[str, object]:
    return {
        "path": new.path,
        "role": new.role,
        "subject": new.subject,
        "effect": new.effect,
        "expire_time": new.expire_time,
    }


def _grant(row: Any) -> Grant:
    return Grant(
        id=row.id,
        path=row.path,
        role=row.role,
        subject=row.subject,
        effect=Effect(row.effect),
        expire_time=row.expire_time,
        create_time=row.create_time,
        creator=row.creator,
    )
