"""What one can do with roles."""

from collections.abc import Sequence

from service.access.delegation import require_changeable
from service.access.graph import Graph
from service.kernel.call import Call, Committed
from service.kernel.changes import ChangeKind
from service.kernel.clock import Clock
from service.kernel.errors import InvalidArgument
from service.kernel.updates import fields_to_change, take, told
from service.roles.errors import BuiltInRole
from service.roles.models import Role, RoleCreated, RoleDeleted, RoleUpdated, Wanted
from service.roles.repository import RoleRepository
from service.storage.database import Database, Tx
from service.storage.pages import Page, Pager, PageRequest

_CHANGEABLE = ("title", "description", "permissions")


class RoleService:
    """The roles."""

    def __init__(self, database: Database, clock: Clock, pager: Pager, graph: Graph) -> None:
        self._db = database
        self._clock = clock
        self._pager = pager
        self._graph = graph

    def create(self, call: Call, wanted: Wanted) -> Committed[Role]:
        """A role, which gives nobody anything until it is granted. Raises NameTaken."""
        now = self._clock.now()
        role = Role(
            name=wanted.name,
            title=wanted.title,
            description=wanted.description,
            permissions=wanted.permissions,
            create_time=now,
            update_time=now,
        )
        with self._db.transaction(call) as tx:
            RoleRepository(tx.connection).insert(role)
            tx.record(RoleCreated(role.name, {"after": _permissions(role)}))
            self._graph.set_permissions(tx, role.name, role.permissions)
            return tx.commit(role)

    def get(self, name: str) -> Role:
        """The role as it is now. Raises RoleNotFound."""
        with self._db.reading() as connection:
            return RoleRepository(connection).get(name)

    def list(self, request: PageRequest) -> Page[Role]:
        """A page of roles, by name. Raises InvalidPageToken."""

        def read(after: Sequence[str] | None, limit: int) -> list[Role]:
            with self._db.reading() as connection:
                return RoleRepository(connection).list(after[0] if after else "", limit)

        return self._pager.page(request, read, lambda role: (role.name,))

    def update(
        self, call: Call, wanted: Wanted, mask: Sequence[str], *, etag: str = ""
    ) -> Committed[Role]:
        """Takes the fields that `mask` names from `wanted`.

        What is added to or taken from its permissions the caller must hold on `/`, because the role
        may be granted anywhere. Raises RoleNotFound, EtagMismatch, BuiltInRole, InvalidUpdateMask,
        InvalidArgument for no permissions, NotHeld, LastOwner.
        """
        populated = [name for name in _CHANGEABLE if getattr(wanted, name)]
        fields = fields_to_change(mask, _CHANGEABLE, populated)
        if "permissions" in fields and not wanted.permissions:
            raise InvalidArgument.field("role.permissions", "must have at least one")
        with self._db.transaction(call) as tx:
            role = _to_change(tx, wanted.name, etag)
            permissions = role.permissions
            before = take(role, wanted, fields)
            if not before:
                tx.change(ChangeKind.UNCHANGED, role.name)
                return tx.commit(role)
            role.update_time = self._clock.now()
            RoleRepository(tx.connection).update(role)
            tx.record(RoleUpdated(role.name, told(before, role, {"permissions"})))
            if "permissions" in before:
                # Before the change: by it, callers who have the role may come to hold more.
                require_changeable(tx, role.name, permissions, role.permissions)
                self._graph.set_permissions(tx, role.name, role.permissions)
            return tx.commit(role)

    def delete(self, call: Call, name: str, *, etag: str = "") -> Committed[None]:
        """Deletes a role that is not granted to anybody.

        Raises RoleNotFound, EtagMismatch, BuiltInRole, RoleInUse.
        """
        with self._db.transaction(call) as tx:
            role = _to_change(tx, name, etag)
            self._graph.retire_role(tx, name)
            RoleRepository(tx.connection).delete(name)
            tx.record(RoleDeleted(name, {"before": _permissions(role)}))
            return tx.commit(None)


def _to_change(tx: Tx, name: str, etag: str) -> Role:
    role = RoleRepository(tx.connection).get_for_update(name)
    if role.built_in:
        raise BuiltInRole(name)
    role.require_etag(etag)
    return role


def _permissions(role: Role) -> dict[str, object]:
    return {"permissions": sorted(role.permissions)}
