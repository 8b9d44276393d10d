"""What one can do with groups, and with who is in them."""

from collections.abc import Collection, Sequence

import structlog

from service.access.delegation import require_rights_of
from service.access.graph import Graph
from service.access.models import MemberAdded, MemberRemoved, State
from service.access.service import AccessService
from service.groups.models import (
    Group,
    GroupCreated,
    GroupDeleted,
    GroupUpdated,
    Wanted,
)
from service.groups.repository import GroupRepository
from service.kernel import names
from service.kernel.call import Call, Committed
from service.kernel.clock import Clock
from service.kernel.updates import fields_to_change, take, told
from service.storage.database import Database, Tx
from service.storage.pages import Page, Pager, PageRequest

_CHANGEABLE = ("display_name", "description")

log = structlog.get_logger("gatehouse.groups")


class GroupService:
    """The groups. A group's row is locked first, so that what is done to one is done in turn."""

    def __init__(
        self, database: Database, clock: Clock, pager: Pager, graph: Graph, access: AccessService
    ) -> None:
        self._db = database
        self._clock = clock
        self._pager = pager
        self._graph = graph
        self._access = access

    def create(self, call: Call, wanted: Wanted) -> Committed[Group]:
        """A group with nobody in it. Raises NameTaken."""
        now = self._clock.now()
        group = Group(
            name=wanted.name or f"groups/{names.new_id()}",
            display_name=wanted.display_name,
            description=wanted.description,
            create_time=now,
            update_time=now,
        )
        with self._db.transaction(call) as tx:
            GroupRepository(tx.connection).insert(group)
            self._graph.add_subject(tx, group.name, State.ACTIVE)
            tx.record(GroupCreated(group.name))
            return tx.commit(group)

    def get(self, name: str) -> Group:
        """The group as it is now. Raises GroupNotFound."""
        with self._db.reading() as connection:
            return GroupRepository(connection).get(name)

    def list(self, request: PageRequest) -> Page[Group]:
        """A page of groups, by name. Raises InvalidPageToken."""

        def read(after: Sequence[str] | None, limit: int) -> list[Group]:
            with self._db.reading() as connection:
                return GroupRepository(connection).list(after[0] if after else "", limit)

        return self._pager.page(request, read, lambda group: (group.name,))

    def update(
        self, call: Call, wanted: Wanted, mask: Sequence[str], *, etag: str = ""
    ) -> Committed[Group]:
        """Takes the fields that `mask` names from `wanted`.

        Raises GroupNotFound, EtagMismatch, InvalidUpdateMask.
        """
        populated = [name for name in _CHANGEABLE if getattr(wanted, name)]
        fields = fields_to_change(mask, _CHANGEABLE, populated)
        with self._db.transaction(call) as tx:
            groups = GroupRepository(tx.connection)
            group = groups.get_for_update(wanted.name)
            group.require_etag(etag)
            before = take(group, wanted, fields)
            if before:
                group.update_time = self._clock.now()
                groups.update(group)
                tx.record(GroupUpdated(group.name, told(before, group, ())))
            return tx.commit(group)

    def delete(self, call: Call, name: str, *, etag: str = "") -> Committed[None]:
        """Deletes the group, its memberships and its grants.

        Raises GroupNotFound, EtagMismatch, NotHeld, LastOwner.
        """
        with self._db.transaction(call) as tx:
            groups = GroupRepository(tx.connection)
            groups.get_for_update(name).require_etag(etag)
            groups.delete(name)
            tx.record(GroupDeleted(name))
            self._graph.hold_for_removal(tx, name)
            require_rights_of(tx, name, by="groups.delete")
            self._graph.remove_subject(tx, name)
            return tx.commit(None)

    def add_member(self, call: Call, name: str, member: str) -> Committed[None]:
        """Puts a subject into a group; doing so twice is no error.

        Raises GroupNotFound, SubjectNotFound, NotHeld, GroupCycle, TooManyGroups, LastOwner.
        """
        with self._db.transaction(call) as tx:
            GroupRepository(tx.connection).get_for_update(name)
            self._graph.hold(tx, name, member)
            # Before the change: by it, callers may come to hold what the group was granted.
            require_rights_of(tx, name, by="groups.add_member")
            if self._graph.add_member(tx, name, member):
                tx.record(MemberAdded(name, {"member": member}))
            return tx.commit(None)

    def remove_member(self, call: Call, name: str, member: str) -> Committed[None]:
        """Takes a subject out of a group; removing who is not in it is no error.

        Raises GroupNotFound, SubjectNotFound, NotHeld, LastOwner.
        """
        with self._db.transaction(call) as tx:
            GroupRepository(tx.connection).get_for_update(name)
            self._graph.hold(tx, name, member)
            # Before the change: by leaving it, callers may lose what the group was granted.
            require_rights_of(tx, name, by="groups.remove_member")
            if self._graph.remove_member(tx, name, member):
                tx.record(MemberRemoved(name, {"member": member}))
            return tx.commit(None)

    def align(self, tx: Tx, user: str, wanted: Collection[str], *, among: Collection[str]) -> None:
        """A user is in `wanted`, and in no other group of `among`, within another's transaction.

        A group that does not exist is passed over. Nobody is asked for rights: the settings are an
        operator's. Raises TooManyGroups, LastOwner.
        """
        current = self._graph.memberships_among(tx, user, among)
        changed = current ^ set(wanted)
        if not changed:
            return
        existing = GroupRepository(tx.connection).lock(changed)
        for name in sorted(changed - existing):
            log.warning("no such group to put people into", group=name)
        if not existing:
            return
        into, out_of = existing - current, existing & current
        self._graph.move(tx, user, into=into, out_of=out_of)
        for name in sorted(into):
            tx.record(MemberAdded(name, {"member": user}))
        for name in sorted(out_of):
            tx.record(MemberRemoved(name, {"member": user}))

    def members(self, name: str, request: PageRequest) -> Page[str]:
        """A page of who was put into the group, by name. Raises GroupNotFound, InvalidPageToken."""
        self.get(name)
        return self._graph.members(name, request)

    def memberships(
        self, call: Call, subject: str, request: PageRequest, *, transitive: bool
    ) -> Page[str]:
        """A page of the groups that a subject is in, by name.

        Raises PermissionMissing for somebody else's, InvalidPageToken.
        """
        if subject != call.principal.subject:
            self._access.require(call.principal, permission="memberships.list", path=f"/{subject}")
        return self._graph.groups_of(subject, request, transitive=transitive)
