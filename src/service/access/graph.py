"""The graph that decisions follow, as other domains change it: within their own transactions.

Each change tells every process what to forget of it. Rules about the whole (no cycles, an owner of
`/`) are looked at after the change, when the transaction's place in the order is certain. What the
caller holds is looked at before it, or they would hold what they just gave themselves.
"""

from collections.abc import Collection, Sequence

from service.access.errors import GroupCycle, LastOwner, SubjectNotFound, TooManyGroups
from service.access.graph_repository import GraphRepository
from service.access.models import EVERYONE, GrantDeleted, MemberRemoved, State
from service.access.repository import GrantRepository
from service.kernel.changes import ChangeKind
from service.storage import requests
from service.storage.database import Database, Tx
from service.storage.pages import Page, Pager, PageRequest

# What a decision, or an explanation, has to go through: so many groups that somebody was put into,
# and above each of them so many more.
_MOST_MEMBERSHIPS = 1000
_MOST_OF_EVERYONE = 20  # what everyone is in bears on every decision
_MOST_ABOVE = 100
_MOST_BELOW = 1000


class Graph:
    """Subjects, who is in which group, and what roles allow."""

    def __init__(self, database: Database, pager: Pager) -> None:
        self._db = database
        self._pager = pager

    def add_subject(self, tx: Tx, subject: str, state: State) -> None:
        """A new user, service account or group, to whom access can be granted."""
        GraphRepository(tx.connection).insert_subject(subject, state)
        tx.change(ChangeKind.STANDING, subject)

    def set_state(self, tx: Tx, subject: str, state: State) -> None:
        """A suspended subject is allowed nothing. Raises LastOwner."""
        new = GraphRepository(tx.connection).set_state(subject, state)
        tx.change(ChangeKind.STANDING if new else ChangeKind.UNCHANGED, subject)
        if state is not State.ACTIVE:
            self.keep_an_owner(tx)

    def remove_subject(self, tx: Tx, subject: str) -> None:
        """Takes a subject's grants and memberships from it, and the grants on its own path.

        Each is told by an event, as if it had been taken by itself. Raises LastOwner.
        """
        graph, grants = GraphRepository(tx.connection), GrantRepository(tx.connection)
        graph.lock_subject(subject)
        # Before anything goes: who grants the same in order must not wait for a row that is going.
        tx.in_order()
        its_own, on_it = grants.delete_of(subject), grants.delete_on(f"/{subject}")
        for grant in (*its_own, *on_it):
            tx.record(GrantDeleted(grant.subject, grant.event_data))
        for group, member in graph.delete_memberships(subject):
            tx.record(MemberRemoved(group, {"member": member}))
        graph.delete_subject(subject)
        requests.forget_answers(tx.connection, subject)
        tx.change(ChangeKind.STANDING, subject)
        for holder in sorted({grant.subject for grant in on_it}):
            tx.change(ChangeKind.STANDING, holder)
        self.keep_an_owner(tx)

    def hold(self, tx: Tx, *subjects: str) -> None:
        """Those of the subjects that exist stay until the transaction ends.

        For who must look at something in order before it may be said which exist.
        """
        GraphRepository(tx.connection).hold_subjects(*subjects)

    def hold_for_grant(self, tx: Tx, subject: str, role: str) -> None:
        """The same of what a grant needs."""
        graph = GraphRepository(tx.connection)
        graph.hold_subjects(subject)
        graph.hold_role(role)

    def hold_for_removal(self, tx: Tx, subject: str) -> None:
        """Locks all that `remove_subject` deletes, for who must look at it in order before."""
        GraphRepository(tx.connection).lock_subject(subject)

    def add_member(self, tx: Tx, group: str, member: str) -> bool:
        """Puts a subject into a group; whether it was not in it before.

        Raises SubjectNotFound, GroupCycle, TooManyGroups, and LastOwner, where the group is denied
        what owners need.
        """
        graph = GraphRepository(tx.connection)
        _require_subjects(graph, group, member)
        new = graph.insert_membership(group, member)
        tx.change(ChangeKind.STANDING if new else ChangeKind.UNCHANGED, member)
        tx.in_order()
        if graph.is_in(group, group):
            raise GroupCycle(group, member)
        _refuse_too_many(graph, member)
        self.keep_an_owner(tx)
        return new

    def remove_member(self, tx: Tx, group: str, member: str) -> bool:
        """Takes a subject out of a group; whether it was in it.

        Raises SubjectNotFound, LastOwner.
        """
        graph = GraphRepository(tx.connection)
        _require_subjects(graph, group, member)
        gone = graph.delete_membership(group, member)
        tx.change(ChangeKind.STANDING if gone else ChangeKind.UNCHANGED, member)
        self.keep_an_owner(tx)
        return gone

    def memberships_among(self, tx: Tx, member: str, groups: Collection[str]) -> set[str]:
        """Those of the groups that a subject was put into."""
        return GraphRepository(tx.connection).memberships_among(member, groups)

    def move(self, tx: Tx, user: str, *, into: Collection[str], out_of: Collection[str]) -> None:
        """Puts a user into groups and takes them out of others, all at once.

        In one go, because nothing is locked once the order is certain; nobody is in a user, so
        there is no cycle to look for. Raises SubjectNotFound, TooManyGroups, LastOwner.
        """
        graph = GraphRepository(tx.connection)
        _require_subjects(graph, user, *into, *out_of)
        for group in sorted(out_of):
            graph.delete_membership(group, user)
        for group in sorted(into):
            graph.insert_membership(group, user)
        tx.change(ChangeKind.STANDING, user)
        tx.in_order()
        _refuse_too_many(graph, user)
        self.keep_an_owner(tx)

    def members(self, group: str, request: PageRequest) -> Page[str]:
        """A page of who was put into the group, by name. Raises InvalidPageToken."""

        def read(after: Sequence[str] | None, limit: int) -> list[str]:
            with self._db.reading() as connection:
                return GraphRepository(connection).members(group, after[0] if after else "", limit)

        return self._pager.page(request, read, lambda name: (name,))

    def groups_of(self, member: str, request: PageRequest, *, transitive: bool) -> Page[str]:
        """A page of the groups that a subject is in, by name. Raises InvalidPageToken."""

        def read(after: Sequence[str] | None, limit: int) -> list[str]:
            with self._db.reading() as connection:
                return GraphRepository(connection).groups_of(
                    member, after[0] if after else "", limit, transitive=transitive
                )

        return self._pager.page(request, read, lambda name: (name,))

    def set_permissions(self, tx: Tx, role: str, patterns: Collection[str]) -> None:
        """What a role allows from now on. Raises LastOwner, where a DENY of it stands on `/`."""
        GraphRepository(tx.connection).set_permissions(role, patterns)
        tx.change(ChangeKind.ROLE, role)
        self.keep_an_owner(tx)

    def retire_role(self, tx: Tx, role: str) -> None:
        """Makes sure that a role may go. Raises RoleInUse."""
        tx.in_order()
        GraphRepository(tx.connection).require_unused(role)
        tx.change(ChangeKind.ROLE, role)

    def is_owned(self, tx: Tx) -> bool:
        """Whether anyone owns `/` yet; nobody else is made an owner until `tx` ends."""
        tx.in_order()
        return GraphRepository(tx.connection).is_owned()

    def keep_an_owner(self, tx: Tx) -> None:
        """Raises LastOwner when nobody who can sign in would own `/` after this transaction."""
        tx.in_order()
        if not GraphRepository(tx.connection).has_owner():
            raise LastOwner


def _require_subjects(graph: GraphRepository, *names: str) -> None:
    """Raises SubjectNotFound."""
    found = graph.hold_subjects(*names)
    for name in names:
        if name not in found:
            raise SubjectNotFound(name)


def _refuse_too_many(graph: GraphRepository, member: str) -> None:
    """Raises TooManyGroups."""
    most = _MOST_OF_EVERYONE if member == EVERYONE else _MOST_MEMBERSHIPS
    if graph.count_memberships(member) > most:
        raise TooManyGroups(member, f"it would be in more than {most} groups")
    if not member.startswith("groups/"):
        return
    below, above = graph.nesting(member, _MOST_BELOW)
    if below > _MOST_BELOW:
        raise TooManyGroups(member, f"more than {_MOST_BELOW} groups are in it")
    if above > _MOST_ABOVE:
        raise TooManyGroups(
            member, f"it or a group in it would be in more than {_MOST_ABOVE} groups"
        )
