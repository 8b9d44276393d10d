"""All SQL of the groups; who is in them is the graph's."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, DateTime, MetaData, String, Table, select
from sqlalchemy.dialects.postgresql import insert

from service.groups.errors import GroupNotFound
from service.groups.models import Group
from service.kernel.errors import NameTaken

_GROUPS = Table(
    "groups",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("display_name", String),
    Column("description", String),
    Column("create_time", DateTime(timezone=True)),
    Column("update_time", DateTime(timezone=True)),
    Column("version", BigInteger),
)


class GroupRepository:
    """Groups in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def get(self, name: str) -> Group:
        """Raises GroupNotFound."""
        return self._one(select(_GROUPS).where(_GROUPS.c.name == name), name)

    def get_for_update(self, name: str) -> Group:
        """The group, locked until the transaction ends. Raises GroupNotFound."""
        return self._one(select(_GROUPS).where(_GROUPS.c.name == name).with_for_update(), name)

    def lock(self, names: Collection[str]) -> set[str]:
        """Those of the groups that exist, locked until the transaction ends."""
        query = select(_GROUPS.c.name).where(_GROUPS.c.name.in_(names)).order_by(_GROUPS.c.name)
        return set(self._run(query.with_for_update()).scalars())

    def list(self, after: str, limit: int) -> list[Group]:
        """Up to `limit` groups by name, after `after`."""
        query = select(_GROUPS).where(_GROUPS.c.name > after).order_by(_GROUPS.c.name)
        return [_group(row) for row in self._run(query.limit(limit))]

    def insert(self, group: Group) -> None:
        """Raises NameTaken."""
        row = _row(group) | {"name": group.name, "create_time": group.create_time}
        made = insert(_GROUPS).values(row).on_conflict_do_nothing().returning(_GROUPS.c.name)
        if self._run(made).one_or_none() is None:
            raise NameTaken(group.name)

    def update(self, group: Group) -> None:
        """Writes the group and its next version."""
        group.version += 1
        self._run(_GROUPS.update().where(_GROUPS.c.name == group.name).values(_row(group)))

    def delete(self, name: str) -> None:
        """Deletes the group."""
        self._run(_GROUPS.delete().where(_GROUPS.c.name == name))

    def _one(self, query: Any, name: str) -> Group:
        row = self._run(query).one_or_none()
        if row is None:
            raise GroupNotFound(name)
        return _group(row)


def _row(group: Group) -> dict[str, object]:
    return {
        "display_name": group.display_name,
        "description": group.description,
        "update_time": group.update_time,
        "version": group.version,
    }


def _group(row: Any) -> Group:
    return Group(
        name=row.name,
        display_name=row.display_name,
        description=row.description,
        create_time=row.create_time,
        update_time=row.update_time,
        version=row.version,
    )
