"""All SQL of the roles; what they allow is written by the graph."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    MetaData,
    String,
    Table,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from service.access.errors import RoleNotFound
from service.kernel.errors import NameTaken
from service.roles.models import Role

_METADATA = MetaData()
_ROLES = Table(
    "roles",
    _METADATA,
    Column("name", String, primary_key=True),
    Column("title", String),
    Column("description", String),
    Column("built_in", Boolean),
    Column("create_time", DateTime(timezone=True)),
    Column("update_time", DateTime(timezone=True)),
    Column("version", BigInteger),
)
_PERMISSIONS = Table(
    "role_permissions", _METADATA, Column("role", String), Column("permission", String)
)
_ALLOWED = (
    select(func.array_agg(_PERMISSIONS.c.permission, type_=ARRAY(String)))
    .where(_PERMISSIONS.c.role == _ROLES.c.name)
    .scalar_subquery()
)
_GET = select(_ROLES, _ALLOWED.label("permissions"))


class RoleRepository:
    """Roles in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def get(self, name: str) -> Role:
        """Raises RoleNotFound."""
        row = self._run(_GET.where(_ROLES.c.name == name)).one_or_none()
        if row is None:
            raise RoleNotFound(name)
        return _role(row)

    def get_for_update(self, name: str) -> Role:
        """The role, locked until the transaction ends. Raises RoleNotFound."""
        # First the lock: a statement that waits for one sees in other tables what was there before.
        self._run(select(_ROLES.c.name).where(_ROLES.c.name == name).with_for_update())
        return self.get(name)

    def list(self, after: str, limit: int) -> list[Role]:
        """Up to `limit` roles by name, after `after`."""
        query = _GET.where(_ROLES.c.name > after).order_by(_ROLES.c.name).limit(limit)
        return [_role(row) for row in self._run(query)]

    def insert(self, role: Role) -> None:
        """Raises NameTaken."""
        row = _row(role) | {
            "name": role.name,
            "built_in": role.built_in,
            "create_time": role.create_time,
        }
        made = insert(_ROLES).values(row).on_conflict_do_nothing().returning(_ROLES.c.name)
        if self._run(made).one_or_none() is None:
            raise NameTaken(role.name)

    def update(self, role: Role) -> None:
        """Writes the role and its next version."""
        role.version += 1
        self._run(_ROLES.update().where(_ROLES.c.name == role.name).values(_row(role)))

    def delete(self, name: str) -> None:
        """Deletes the role."""
        self._run(_ROLES.delete().where(_ROLES.c.name == name))


def _row(role: Role) -> dict[str, object]:
    return {
        "title": role.title,
        "description": role.description,
        "update_time": role.update_time,
        "version": role.version,
    }


def _role(row: Any) -> Role:
    return Role(
        name=row.name,
        title=row.title,
        description=row.description,
        permissions=frozenset(row.permissions),
        create_time=row.create_time,
        update_time=row.update_time,
        built_in=row.built_in,
        version=row.version,
    )
