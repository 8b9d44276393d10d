"""All SQL of the grants."""

from uuid import UUID

from sqlalchemy import Column, Connection, MetaData, String, Table, Uuid, select
from sqlalchemy.dialects.postgresql import insert

from service.storage import locks

_GRANTS = Table(
    "grants",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("path", String),
    Column("role", String),
    Column("subject", String),
)


class GrantRepository:
    """Grants in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def roles_at(self, path: str, subject: str) -> frozenset[str]:
        """The roles granted to the subject on exactly this path."""
        query = select(_GRANTS.c.role).where(_GRANTS.c.path == path, _GRANTS.c.subject == subject)
        return frozenset(self._run(query).scalars())

    def holders(self, path: str, role: str) -> set[str]:
        """Who was granted the role on exactly this path."""
        query = select(_GRANTS.c.subject).where(_GRANTS.c.path == path, _GRANTS.c.role == role)
        return set(self._run(query).scalars())

    def lock_owners(self) -> None:
        """Has the owners counted by one transaction at a time."""
        self._run(locks.OWNERS)

    def insert(self, grant_id: UUID, path: str, role: str, subject: str) -> None:
        """Grants a role; granting it twice changes nothing."""
        row = {"id": grant_id, "path": path, "role": role, "subject": subject}
        self._run(insert(_GRANTS).values(row).on_conflict_do_nothing())

    def delete_of(self, subject: str) -> None:
        """Takes everything from a subject."""
        self._run(_GRANTS.delete().where(_GRANTS.c.subject == subject))
