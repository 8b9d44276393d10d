"""May this subject do this, here?

So far the built-in roles, granted at `/`; the questions are already those of the full engine.
"""

from collections.abc import Callable

from service.access.errors import LastOwner, PermissionMissing, ScopeMissing
from service.access.models import BUILT_IN, OWNER, ROOT, SELF
from service.access.repository import GrantRepository
from service.kernel import names
from service.kernel.changes import ChangeKind
from service.kernel.principal import Principal
from service.storage.cache import FollowingCache
from service.storage.database import Database, Tx
from service.storage.feed import ChangeFeed

_REMEMBERED = 20_000


class AccessService:
    """Decisions, and the grants behind them."""

    def __init__(self, database: Database, feed: ChangeFeed) -> None:
        self._db = database
        self.remembered = FollowingCache(feed, ChangeKind.GRANTS, self._load, size=_REMEMBERED)

    def require(self, principal: Principal, *, permission: str, path: str, scope: str = "") -> None:
        """Raises ScopeMissing, PermissionMissing; an empty permission asks for the scope alone."""
        if not principal.carries(scope):
            raise ScopeMissing(scope)
        if permission and not self.allows(principal.subject, permission, path):
            raise PermissionMissing(permission, path)

    def allows(self, subject: str, permission: str, path: str) -> bool:
        """Whether the subject holds the permission on the path."""
        own = f"/{subject}"
        if SELF.allows(permission) and (path == own or path.startswith(f"{own}/")):
            return True
        return any(BUILT_IN[role].allows(permission) for role in self.roles_of(subject))

    def roles_of(self, subject: str) -> frozenset[str]:
        """The roles that the subject holds at `/`."""
        return self.remembered.get(subject)

    def has_owner(self, tx: Tx) -> bool:
        """Whether anyone owns `/` yet; nobody else is made or unmade one until `tx` ends."""
        grants = GrantRepository(tx.connection)
        grants.lock_owners()
        return bool(grants.holders(ROOT, OWNER.name))

    def grant(self, tx: Tx, subject: str, role: str) -> None:
        """Grants a built-in role at `/`."""
        GrantRepository(tx.connection).insert(names.new_id(), ROOT, role, subject)
        tx.change(ChangeKind.GRANTS, subject)

    def forget_subject(self, tx: Tx, subject: str) -> None:
        """Takes every grant from a subject that is going away."""
        GrantRepository(tx.connection).delete_of(subject)
        tx.change(ChangeKind.GRANTS, subject)

    def refuse_if_last_owner(
        self, tx: Tx, subject: str, *, could_take_over: Callable[[str], bool]
    ) -> None:
        """Raises LastOwner when no other owner of `/` could take over from this one."""
        grants = GrantRepository(tx.connection)
        grants.lock_owners()
        owners = grants.holders(ROOT, OWNER.name)
        if subject in owners and not any(map(could_take_over, owners - {subject})):
            raise LastOwner

    def _load(self, subject: str) -> frozenset[str]:
        with self._db.reading() as connection:
            return GrantRepository(connection).roles_at(ROOT, subject)
