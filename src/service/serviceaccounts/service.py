"""What one can do with service accounts; what with their keys is in api_keys."""

from collections.abc import Sequence

from service.access import models as access
from service.access.graph import Graph
from service.kernel import names
from service.kernel.call import Call, Committed
from service.kernel.changes import ChangeKind
from service.kernel.clock import Clock
from service.kernel.updates import fields_to_change, state_told, take, told
from service.serviceaccounts.key_repository import ApiKeyRepository
from service.serviceaccounts.models import (
    ServiceAccount,
    ServiceAccountCreated,
    ServiceAccountDeleted,
    ServiceAccountReactivated,
    ServiceAccountSuspended,
    ServiceAccountUpdated,
    State,
    Wanted,
)
from service.serviceaccounts.repository import ServiceAccountRepository
from service.sessions.service import SessionService
from service.storage.cache import FollowingCache
from service.storage.database import Database, Tx
from service.storage.feed import ChangeFeed
from service.storage.pages import Page, Pager, PageRequest

_DESCRIPTIVE = ("display_name", "description")
_CHANGEABLE = (*_DESCRIPTIVE, "state")
_REMEMBERED = 20_000


class ServiceAccountService:
    """The services that sign in."""

    def __init__(
        self,
        database: Database,
        feed: ChangeFeed,
        clock: Clock,
        pager: Pager,
        sessions: SessionService,
        graph: Graph,
    ) -> None:
        self._db = database
        self._clock = clock
        self._pager = pager
        self._sessions = sessions
        self._graph = graph
        self.remembered = FollowingCache(
            feed, ChangeKind.SERVICE_ACCOUNT, self.get, size=_REMEMBERED
        )

    def create(self, call: Call, wanted: Wanted) -> Committed[ServiceAccount]:
        """An active service account without keys. Raises NameTaken."""
        now = self._clock.now()
        account = ServiceAccount(
            name=wanted.name or f"serviceAccounts/{names.new_id()}",
            display_name=wanted.display_name,
            description=wanted.description,
            create_time=now,
            update_time=now,
        )
        with self._db.transaction(call) as tx:
            ServiceAccountRepository(tx.connection).insert(account)
            self._graph.add_subject(tx, account.name, access.State.ACTIVE)
            tx.change(ChangeKind.SERVICE_ACCOUNT, account.name)
            tx.record(ServiceAccountCreated(account.name))
            return tx.commit(account)

    def get(self, name: str) -> ServiceAccount:
        """The service account as it is now. Raises ServiceAccountNotFound."""
        with self._db.reading() as connection:
            return ServiceAccountRepository(connection).get(name)

    def recall(self, name: str) -> ServiceAccount:
        """The same as this process remembers it, a second old at most.

        Raises ServiceAccountNotFound.
        """
        return self.remembered.get(name)

    def list(self, request: PageRequest) -> Page[ServiceAccount]:
        """A page of service accounts, by name. Raises InvalidPageToken."""

        def read(after: Sequence[str] | None, limit: int) -> list[ServiceAccount]:
            with self._db.reading() as connection:
                return ServiceAccountRepository(connection).list(after[0] if after else "", limit)

        return self._pager.page(request, read, lambda account: (account.name,))

    def update(
        self, call: Call, wanted: Wanted, mask: Sequence[str], *, etag: str = ""
    ) -> Committed[ServiceAccount]:
        """Takes the fields that `mask` names from `wanted`; suspending ends all sessions.

        Raises ServiceAccountNotFound, EtagMismatch, InvalidUpdateMask.
        """
        populated = [name for name in _CHANGEABLE if getattr(wanted, name)]
        fields = fields_to_change(mask, _CHANGEABLE, populated)
        if wanted.state is None:
            fields -= {"state"}
        with self._db.transaction(call) as tx:
            accounts = ServiceAccountRepository(tx.connection)
            account = accounts.get_for_update(wanted.name)
            account.require_etag(etag)
            before = take(account, wanted, fields)
            # Said even of what stays as it is, so that the answer has a revision.
            tx.change(ChangeKind.SERVICE_ACCOUNT, account.name)
            if before:
                account.update_time = self._clock.now()
                accounts.update(account)
            if described := {name: before[name] for name in before if name in _DESCRIPTIVE}:
                tx.record(ServiceAccountUpdated(account.name, told(described, account, ())))
            if "state" in before:
                self._change_state(tx, account)
            return tx.commit(account)

    def delete(self, call: Call, name: str, *, etag: str = "") -> Committed[None]:
        """Deletes the service account, its keys, sessions, memberships and grants.

        Raises ServiceAccountNotFound, EtagMismatch.
        """
        with self._db.transaction(call) as tx:
            accounts = ServiceAccountRepository(tx.connection)
            accounts.get_for_update(name).require_etag(etag)
            ApiKeyRepository(tx.connection).delete_all(name)
            # Each session by itself: a subject that is revoked for good could not be created again.
            self._sessions.end_all(tx, name)
            accounts.delete(name)
            tx.change(ChangeKind.SERVICE_ACCOUNT, name)
            tx.record(ServiceAccountDeleted(name))
            self._graph.remove_subject(tx, name)
            return tx.commit(None)

    def _change_state(self, tx: Tx, account: ServiceAccount) -> None:
        if account.state is State.SUSPENDED:
            tx.record(ServiceAccountSuspended(account.name, state_told("ACTIVE", "SUSPENDED")))
            self._sessions.end_all(tx, account.name)
            self._graph.set_state(tx, account.name, access.State.SUSPENDED)
        else:
            tx.record(ServiceAccountReactivated(account.name, state_told("SUSPENDED", "ACTIVE")))
            self._graph.set_state(tx, account.name, access.State.ACTIVE)
