"""May this subject do this, there? Answered from memory, at one position of the database.

A decision is a few look-ups over the path and the paths above it. What is not remembered is loaded,
and the decision begins again; so it does when what it used was dropped meanwhile.
"""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import TypeVar

from service.access.models import EVERYONE, Check, Freshness, Own, own
from service.access.policy import Given, Missing, Policy
from service.kernel import paths
from service.kernel.clock import Clock
from service.kernel.errors import Conflict
from service.storage.database import Database
from service.storage.feed import ChangeFeed
from service.storage.revision import ForeignRevision, History

T = TypeVar("T")

# Each is a load at most, and only a change to what was just loaded takes another.
_ATTEMPTS = 50
_ANY = Freshness()


class Decisions:
    """Decides."""

    def __init__(self, policy: Policy, database: Database, feed: ChangeFeed, clock: Clock) -> None:
        self._policy = policy
        self._db = database
        self._feed = feed
        self._clock = clock

    def allows(self, subject: str, permission: str, path: str) -> bool:
        """Whether the subject may, as far as this process knows: a second old at most."""
        check = Check(subject, permission, path)
        return self._settled(lambda now, missing: self._allows(check, now, missing))[0]

    def decide(
        self, checks: Sequence[Check], freshness: Freshness = _ANY
    ) -> tuple[list[bool], str]:
        """Whether each is allowed, all at one revision, and which.

        Raises Unavailable, InvalidCursor and ForeignRevision for a revision that is not ours, and
        Conflict when things change faster than they can be looked at.
        """
        self.be(freshness)
        allowed, history, position = self._settled(
            lambda now, missing: [self._allows(check, now, missing) for check in checks]
        )
        return allowed, history.revision(position)

    def roles_on(self, subject: str, path: str) -> frozenset[str]:
        """The roles granted on exactly this path to the subject, its groups, or everyone."""
        return self._settled(
            lambda now, missing: frozenset(self._roles_on(subject, path, now, missing))
        )[0]

    def revision(self, freshness: Freshness) -> str:
        """A revision as fresh as asked; what is read from PostgreSQL from now on is of it or later.

        Raises as `decide` does.
        """
        self.be(freshness)
        return self._db.history.revision(self._policy.position)

    def be(self, freshness: Freshness) -> None:
        """Makes this process as fresh as asked. Raises as `decide` does."""
        if freshness.full:
            self._policy.catch_up()
        elif freshness.revision:
            wanted = self._db.history.position(freshness.revision, field="at_least_as_fresh")
            if wanted > self._policy.position:
                self._policy.catch_up()
            if wanted > self._policy.position:
                raise ForeignRevision("at_least_as_fresh is ahead of the database: it went back.")

    def _settled(self, look: Callable[[float, Missing], T]) -> tuple[T, History, int]:
        """What `look` sees, and where it is true: nothing that it used was dropped meanwhile."""
        policy = self._policy
        for _ in range(_ATTEMPTS):
            # Before trust is asked for, because trust is taken away before a history begins.
            history = self._db.history
            if monotonic() > self._feed.trusted_until:
                self._feed.require_trust()
            epoch, missing = policy.epoch, Missing()
            seen = look(self._clock.timestamp(), missing)
            # After looking: what was loaded in between need not be true at an earlier position.
            position = policy.position
            if missing:
                policy.load(missing)
            elif policy.epoch == epoch:
                policy.hits += 1
                return seen, history, position
        raise Conflict

    def _principals(self, subject: str, missing: Missing) -> tuple[str, ...]:
        """Empty for who is allowed nothing."""
        standings = self._policy.standings.entries
        standing, everyone = standings.get(subject), standings.get(EVERYONE)
        if standing is None:
            missing.subjects.add(subject)
        if everyone is None:
            missing.subjects.add(EVERYONE)
        if standing is None or everyone is None or not standing.active:
            return ()
        return standing.principals + everyone.principals

    def _roles_on(self, subject: str, path: str, now: float, missing: Missing) -> Iterator[str]:
        for principal in self._principals(subject, missing):
            grants = self._policy.held.entries.get(principal)
            if grants is None:
                missing.principals.add(principal)
            elif path not in grants.on and not grants.complete:
                missing.places.add((principal, path))
            else:
                for grant in grants.on.get(path, ()):
                    if not grant.deny and not 0 < grant.expires <= now:
                        yield grant.role

    def _allows(self, check: Check, now: float, missing: Missing) -> bool:
        principals = self._principals(check.subject, missing)
        if not principals:
            return False
        allowed = False
        for one in own(check.subject):
            if _is_own(one, check):
                if not one.deniable:
                    return True
                allowed = True
        roles = self._policy.roles
        for grant in self._bearing(principals, check.path, missing):
            role = roles.get(grant.role)
            if role is None:
                missing.roles.add(grant.role)
            elif role.allows(check.permission) and not 0 < grant.expires <= now:
                if grant.deny:
                    return False
                allowed = True
        return allowed

    def _bearing(self, principals: Sequence[str], path: str, missing: Missing) -> list[Given]:
        """The grants on the path and above it, whatever they are of."""
        held = self._policy.held.entries
        above = tuple(paths.ancestors(path))
        bearing: list[Given] = []
        for principal in principals:
            grants = held.get(principal)
            if grants is None:
                missing.principals.add(principal)
            elif grants.on or not grants.complete:
                for one in above:
                    found = grants.on.get(one)
                    if found:
                        bearing += found
                    elif found is None and not grants.complete:
                        missing.places.add((principal, one))
        return bearing


def _is_own(one: Own, check: Check) -> bool:
    place = one.path(check.subject)
    return one.permissions.allows(check.permission) and (
        check.path == place or check.path.startswith(f"{place}/")
    )
