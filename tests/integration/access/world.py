"""The real engine and the oracle side by side: what is done to one is done to the other."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from service.access.decisions import Decisions
from service.access.errors import GrantExists, GroupCycle, LastOwner, SubjectNotFound
from service.access.models import Check, Effect, Freshness, GrantFilter, NewGrant, State
from service.kernel.call import Call, Committed
from service.kernel.errors import GatehouseError
from service.kernel.principal import Principal
from service.storage.database import Tx
from service.storage.pages import PageRequest
from service.wiring import Services
from tests.integration.access.steps import ROLES, SUBJECTS
from tests.support.house import House
from tests.support.moved_clock import MovedClock
from tests.support.oracle import Grant, Oracle, covers

ANY = Freshness()
_INTERNAL = Call.internal("test")
Errors = Collection[type[GatehouseError]]


class World:
    """An owner, and subjects without rights. Every step is made `here`, and watched `there` too."""

    def __init__(self, here: House, there: House, clock: MovedClock) -> None:
        self.here: Services = here.application.services
        self.there: Services = there.application.services
        self.house = here
        self.stores = here.stores
        self.sql = here.sql
        self.admin = here.admin.name
        self.revision = ""
        self._clock = clock
        self._ids: dict[Grant, UUID] = {}

    def begin(self) -> None:
        """Everything as at first, by changes as they always are: what is remembered may stay."""
        which, everything = GrantFilter(subject="everyone"), PageRequest(1000, "", "")
        everyones, _ = self.here.access.list_grants(self.as_admin(), which, everything, ANY)
        for grant in everyones.items:
            self.here.access.delete_grant(self.as_admin(), grant.id)
        with self.here.database.transaction(_INTERNAL) as tx:
            for subject in SUBJECTS:
                self.here.graph.remove_subject(tx, subject)
                self.here.graph.add_subject(tx, subject, State.ACTIVE)
            for role, patterns in ROLES.items():
                self.here.graph.set_permissions(tx, role, patterns)
            self.revision = tx.commit(None).revision
        self.oracle = Oracle({"everyone", self.admin, *SUBJECTS})
        self.oracle.roles = {"roles/owner": {"*"}} | {name: set(it) for name, it in ROLES.items()}
        self.oracle.grants = [(self.admin, "/", "roles/owner", "ALLOW", None)]
        self.known = set(self.oracle.active)

    def built(self, steps: Sequence[tuple[Any, ...]]) -> "World":
        """This one, begun anew, after the steps."""
        self.begin()
        self.take(steps)
        return self

    def as_(self, subject: str) -> Call:
        """A call of somebody's."""
        now = self.here.clock.now()
        return Call("test", caller=Principal(subject, "", "", frozenset({"*"}), now, now))

    def as_admin(self) -> Call:
        """A call of the owner's."""
        return self.as_(self.admin)

    def now(self) -> Oracle:
        """The oracle, at this moment."""
        self.oracle.now = self.here.clock.timestamp()
        return self.oracle

    def decide(self, checks: Sequence[Check], freshness: Freshness = ANY) -> list[bool]:
        """What is decided here; when it has to be fresh, there."""
        at = self.here if freshness == ANY else self.there
        decisions = Decisions(at.policy, at.database, at.feed, at.clock)
        return decisions.decide(checks, freshness)[0]

    def take(self, steps: Sequence[tuple[Any, ...]]) -> None:
        """Some of steps.HISTORIES."""
        for name, *given in steps:
            getattr(self, name)(*given)

    def grant(
        self, subject: str, path: str, role: str, effect: Effect, seconds: float | None
    ) -> None:
        """Grants, for so long; None for good."""
        end = seconds and self.here.clock.now() + timedelta(seconds=seconds)
        grant = (subject, path, role, str(effect), end.timestamp() if end else None)
        wanted = replace(self.oracle, grants=[*self.oracle.grants, grant])
        refusals: Errors = [GrantExists] if grant in self.oracle.grants else []

        def create() -> Committed[Any]:
            new = NewGrant(path, role, subject, effect, end or None)
            made = self.here.access.create_grant(self.as_admin(), new)
            self._ids[grant] = made.value.id
            return made

        self._do(create, wanted, self._unknown(subject) or refusals)

    def ungrant(self, index: int) -> None:
        """Takes one of the grants back, but not the owner's."""
        owners, *others = self.oracle.grants
        if others:
            gone = others.pop(index % len(others))
            wanted = replace(self.oracle, grants=[owners, *others])
            delete = self.here.access.delete_grant
            self._do(lambda: delete(self.as_admin(), self._ids[gone]), wanted, [])

    def join(self, group: str, member: str) -> None:
        """Puts somebody into a group."""
        wanted = replace(self.oracle, members=self.oracle.members | {(group, member)})
        refusals: Errors = [GroupCycle] if wanted.is_cyclic() else []
        refusals = self._unknown(group, member) or refusals
        self._change(lambda tx: self.here.graph.add_member(tx, group, member), wanted, refusals)

    def leave(self, index: int) -> None:
        """Takes somebody out of a group."""
        if self.oracle.members:
            group, member = sorted(self.oracle.members)[index % len(self.oracle.members)]
            wanted = replace(self.oracle, members=self.oracle.members - {(group, member)})
            self._change(lambda tx: self.here.graph.remove_member(tx, group, member), wanted)

    def change_role(self, role: str, like: str) -> None:
        """Lets a role allow what another allowed at the start."""
        wanted = replace(self.oracle, roles=self.oracle.roles | {role: ROLES[like]})
        self._change(lambda tx: self.here.graph.set_permissions(tx, role, ROLES[like]), wanted)

    def set_state(self, subject: str, state: State) -> None:
        """Suspends or reactivates somebody."""
        if subject in self.known:
            active = self.oracle.active - {subject} | (
                {subject} if state is State.ACTIVE else set()
            )
            wanted = replace(self.oracle, active=active)
            self._change(lambda tx: self.here.graph.set_state(tx, subject, state), wanted)

    def delete(self, subject: str) -> None:
        """Deletes a subject, or makes it anew when it is gone."""
        graph, active = self.here.graph, self.oracle.active ^ {subject}
        if subject not in self.known:
            wanted = replace(self.oracle, active=active)
            self._change(lambda tx: graph.add_subject(tx, subject, State.ACTIVE), wanted)
        else:
            wanted = replace(
                self.oracle,
                active=active - {subject},
                members={it for it in self.oracle.members if subject not in it},
                grants=[
                    it
                    for it in self.oracle.grants
                    if it[0] != subject and not covers(f"/{subject}", it[1])
                ],
            )
            self._change(lambda tx: graph.remove_subject(tx, subject), wanted)
        self.known ^= {subject}

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self._clock.move(seconds, self.here, self.there)

    def _unknown(self, *subjects: str) -> Errors:
        return [] if self.known.issuperset(subjects) else [SubjectNotFound]

    def _change(
        self, change: Callable[[Tx], object], wanted: Oracle, refusals: Errors = ()
    ) -> None:
        def commit() -> Committed[Any]:
            with self.here.database.transaction(_INTERNAL) as tx:
                change(tx)
                return tx.commit(None)

        self._do(commit, wanted, refusals)

    def _do(self, change: Callable[[], Committed[Any]], wanted: Oracle, refusals: Errors) -> None:
        """Makes the change; it is refused where it has to be, and only there."""
        wanted.now = self.here.clock.timestamp()
        expected = [*refusals, *([] if wanted.is_owned() else [LastOwner])]
        refused: list[type[GatehouseError]] = []
        try:
            done = change()
            self.oracle, self.revision = wanted, done.revision
        except GatehouseError as refusal:
            refused = [type(refusal)]
        assert refused == expected[:1]
