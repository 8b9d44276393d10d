"""All SQL of the service accounts; that of their keys is in key_repository."""

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, DateTime, MetaData, String, Table, select
from sqlalchemy.dialects.postgresql import insert

from service.kernel.errors import NameTaken
from service.serviceaccounts.errors import ServiceAccountNotFound
from service.serviceaccounts.models import ServiceAccount, State

_ACCOUNTS = Table(
    "service_accounts",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("display_name", String),
    Column("description", String),
    Column("state", String),
    Column("create_time", DateTime(timezone=True)),
    Column("update_time", DateTime(timezone=True)),
    Column("version", BigInteger),
)


class ServiceAccountRepository:
    """Service accounts in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def get(self, name: str) -> ServiceAccount:
        """Raises ServiceAccountNotFound."""
        return self._one(_by(name), name)

    def get_for_share(self, name: str) -> ServiceAccount:
        """The same, left as it is until the transaction ends. Raises ServiceAccountNotFound."""
        return self._one(_by(name).with_for_update(read=True), name)

    def get_for_update(self, name: str) -> ServiceAccount:
        """The same, locked until the transaction ends. Raises ServiceAccountNotFound."""
        return self._one(_by(name).with_for_update(), name)

    def list(self, after: str, limit: int) -> list[ServiceAccount]:
        """Up to `limit` service accounts by name, after `after`."""
        query = select(_ACCOUNTS).where(_ACCOUNTS.c.name > after).order_by(_ACCOUNTS.c.name)
        return [_account(row) for row in self._run(query.limit(limit))]

    def insert(self, account: ServiceAccount) -> None:
        """Raises NameTaken."""
        row = _row(account) | {"name": account.name, "create_time": account.create_time}
        made = insert(_ACCOUNTS).values(row).on_conflict_do_nothing().returning(_ACCOUNTS.c.name)
        if self._run(made).one_or_none() is None:
            raise NameTaken(account.name)

    def update(self, account: ServiceAccount) -> None:
        """Writes the service account and its next version."""
        account.version += 1
        self._run(_ACCOUNTS.update().where(_ACCOUNTS.c.name == account.name).values(_row(account)))

    def delete(self, name: str) -> None:
        """Deletes the service account."""
        self._run(_ACCOUNTS.delete().where(_ACCOUNTS.c.name == name))

    def _one(self, query: Any, name: str) -> ServiceAccount:
        row = self._run(query).one_or_none()
        if row is None:
            raise ServiceAccountNotFound(name)
        return _account(row)


def _by(name: str) -> Any:
    return select(_ACCOUNTS).where(_ACCOUNTS.c.name == name)


def _row(account: ServiceAccount) -> dict[str, object]:
    return {
        "display_name": account.display_name,
        "description": account.description,
        "state": account.state,
        "update_time": account.update_time,
        "version": account.version,
    }


def _account(row: Any) -> ServiceAccount:
    return ServiceAccount(
        name=row.name,
        display_name=row.display_name,
        description=row.description,
        create_time=row.create_time,
        update_time=row.update_time,
        state=State(row.state),
        version=row.version,
    )
