"""May this subject do this, here, and why? And the grants that decide it."""

from collections.abc import Sequence
from uuid import UUID

from service.access.decisions import Decisions
from service.access.delegation import require_grantable
from service.access.errors import PermissionMissing, ScopeMissing
from service.access.explanation import explain
from service.access.graph import Graph
from service.access.holdings import JUST_NOW
from service.access.models import (
    OWNER,
    ROOT,
    Check,
    Effect,
    Explanation,
    Freshness,
    Grant,
    GrantCreated,
    GrantDeleted,
    GrantFilter,
    Holder,
    NewGrant,
    Reached,
)
from service.access.reach_repository import ReachRepository
from service.access.repository import GrantRepository
from service.kernel import names
from service.kernel.call import Call, Committed
from service.kernel.changes import ChangeKind
from service.kernel.clock import Clock
from service.kernel.errors import InvalidArgument
from service.kernel.principal import Principal
from service.storage.database import Database, Tx
from service.storage.pages import Page, Pager, PageRequest


class AccessService:
    """Decisions, and the grants behind them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        pager: Pager,
        decisions: Decisions,
        graph: Graph,
    ) -> None:
        self._db = database
        self._clock = clock
        self._pager = pager
        self._decisions = decisions
        self._graph = graph

    def require(self, principal: Principal, *, permission: str, path: str, scope: str = "") -> None:
        """Raises ScopeMissing, PermissionMissing; an empty permission asks for the scope alone."""
        if not principal.carries(scope):
            raise ScopeMissing(scope)
        if permission and not self.allows(principal.subject, permission, path):
            raise PermissionMissing(permission, path)

    def allows(self, subject: str, permission: str, path: str) -> bool:
        """Whether the subject holds the permission on the path, as far as this process knows."""
        return self._decisions.allows(subject, permission, path)

    def roles_of(self, subject: str) -> frozenset[str]:
        """The roles that the subject holds at `/`, its groups' and everyone's among them."""
        return self._decisions.roles_on(subject, ROOT)

    def create_grant(self, call: Call, new: NewGrant) -> Committed[Grant]:
        """Grants a role; the caller must hold what it allows, there and for as long.

        Raises InvalidArgument for an end in the past, NotHeld, RoleNotFound, SubjectNotFound,
        GrantExists, LastOwner.
        """
        if new.expire_time is not None and new.expire_time <= self._clock.now():
            raise InvalidArgument.field("expire_time", "must be in the future")
        with self._db.transaction(call) as tx:
            self._graph.hold_for_grant(tx, new.subject, new.role)
            # Before it is there: nobody may hold what they are just giving themselves.
            require_grantable(tx, new.role, new.path, by="grants.create", until=new.expire_time)
            grant = _insert(tx, new)
            if grant.effect is Effect.DENY and grant.path == ROOT:
                self._graph.keep_an_owner(tx)
            return tx.commit(grant)

    def delete_grant(self, call: Call, grant_id: UUID) -> Committed[None]:
        """Takes a grant back; who may not give it may not take it either.

        Raises PermissionMissing before GrantNotFound, NotHeld, LastOwner.
        """
        with self._db.reading() as connection:
            found = GrantRepository(connection).find(grant_id)
        # Who holds it on `/` may look after any grant, even where a DENY below says otherwise:
        # somebody must be able to take that DENY back.
        places = {found.path, ROOT} if found else {ROOT}
        if not any(self.allows(call.principal.subject, "grants.delete", one) for one in places):
            # One answer, whether a grant is elsewhere or not there, to those who may not know.
            raise PermissionMissing("grants.delete", f"/{names.grant(grant_id)}")
        with self._db.transaction(call) as tx:
            grants = GrantRepository(tx.connection)
            grant = grants.get_for_update(grant_id)
            # Before it goes: a DENY keeps whom it binds from taking it back, and who holds less
            # long than it would have lasted.
            until = grant.expire_time if grant.effect is Effect.DENY else JUST_NOW
            require_grantable(tx, grant.role, grant.path, by="grants.delete", until=until)
            grants.delete(grant_id)
            _drop_remembered(tx, grant)
            tx.record(GrantDeleted(grant.subject, grant.event_data))
            if grant.path == ROOT:
                self._graph.keep_an_owner(tx)
            return tx.commit(None)

    def list_grants(
        self, call: Call, which: GrantFilter, request: PageRequest, freshness: Freshness
    ) -> tuple[Page[Grant], str]:
        """A page of grants, oldest first, and the revision.

        Raises PermissionMissing, InvalidPageToken, and as `Decisions.revision` does.
        """
        self.require(call.principal, permission="grants.list", path=which.path or ROOT)

        def read(after: Sequence[str] | None, limit: int) -> list[Grant]:
            with self._db.reading() as connection:
                return GrantRepository(connection).list(
                    which, UUID(after[0]) if after else None, limit
                )

        revision = self._decisions.revision(freshness)
        return self._pager.page(request, read, lambda grant: (str(grant.id),)), revision

    def check(
        self, call: Call, checks: Sequence[Check], freshness: Freshness
    ) -> tuple[list[bool], str]:
        """Whether each is allowed, all at one revision.

        Raises PermissionMissing, and as `Decisions.decide` does.
        """
        caller = call.principal.subject
        others = [
            Check(caller, "access.check", one.path) for one in checks if one.subject != caller
        ]
        if others:
            may, _ = self._decisions.decide(others)
            if not all(may):
                raise PermissionMissing("access.check", others[may.index(False)].path)
        return self._decisions.decide(checks, freshness)

    def list_access(
        self,
        call: Call,
        subject: str,
        permission: str,
        under: str,
        request: PageRequest,
        freshness: Freshness,
    ) -> tuple[Page[Reached], str]:
        """A page of the paths that a subject reaches, by path.

        Raises PermissionMissing, InvalidPageToken, and as `Decisions.revision` does.
        """
        if subject != call.principal.subject:
            self.require(call.principal, permission="access.list", path=under)

        def read(after: Sequence[str] | None, limit: int) -> list[Reached]:
            place = Reached(after[0], after[1] == "denied") if after else None
            with self._db.reading() as connection:
                return ReachRepository(connection).paths(subject, permission, under, place, limit)

        revision = self._decisions.revision(freshness)
        page = self._pager.page(request, read, lambda one: (one.path, _which(denied=one.denied)))
        return page, revision

    def list_subjects(
        self,
        permission: str,
        path: str,
        request: PageRequest,
        freshness: Freshness,
        *,
        expand_groups: bool,
    ) -> tuple[Page[Holder], str]:
        """A page of those who hold a permission on a path, by name.

        Raises InvalidPageToken, and as `Decisions.revision` does.
        """

        def read(after: Sequence[str] | None, limit: int) -> list[Holder]:
            place = Holder(after[0], after[1] == "denied") if after else None
            with self._db.reading() as connection:
                return ReachRepository(connection).subjects(
                    permission, path, place, limit, expand_groups=expand_groups
                )

        revision = self._decisions.revision(freshness)
        page = self._pager.page(request, read, lambda one: (one.subject, _which(denied=one.denied)))
        return page, revision

    def reach(
        self, subject: str, permission: str, under: str, freshness: Freshness
    ) -> tuple[list[Reached], str]:
        """All paths at or below `under` that a subject reaches, and where it is denied again.

        Answers the revision, too. Raises as `Decisions.revision` does.
        """
        revision = self._decisions.revision(freshness)
        with self._db.reading() as connection:
            reached = ReachRepository(connection).paths(subject, permission, under, None, None)
        return reached, revision

    def explain(self, call: Call, check: Check, freshness: Freshness) -> tuple[Explanation, str]:
        """Why it is allowed, or why not and what would change that.

        Raises PermissionMissing, and as `Decisions.revision` does.
        """
        if check.subject != call.principal.subject:
            self.require(call.principal, permission="access.explain", path=check.path)
        revision = self._decisions.revision(freshness)
        with self._db.reading() as connection:
            return explain(check, ReachRepository(connection).why(check)), revision

    def grant_owner(self, tx: Tx, subject: str) -> None:
        """Makes the first owner of `/`, in the transaction that found none."""
        _insert(tx, NewGrant(ROOT, OWNER, subject, Effect.ALLOW, None))


def _insert(tx: Tx, new: NewGrant) -> Grant:
    grant = GrantRepository(tx.connection).insert(names.new_id(), new, tx.call.actor)
    _drop_remembered(tx, grant)
    tx.record(GrantCreated(grant.subject, grant.event_data))
    return grant


def _drop_remembered(tx: Tx, grant: Grant) -> None:
    tx.change(ChangeKind.GRANTS, f"{grant.subject} {grant.path}")


def _which(*, denied: bool) -> str:
    return "denied" if denied else ""
