"""May this subject do this, there? Answered from memory, at one position of the database.

A decision is a few look-ups over the path and the paths above it. What is not remembered is loaded,
and the decision begins again; so it does when what it used was dropped meanwhile.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from time import monotonic
from typing import TypeVar

from service.access.look import Look
from service.access.models import Check, Freshness
from service.access.policy import Policy
from service.kernel.clock import Clock
from service.kernel.errors import Conflict
from service.storage.database import Database
from service.storage.feed import ChangeFeed
from service.storage.revision import ForeignRevision, History

T = TypeVar("T")

# Each is a load at most, and only a change to what was just loaded takes another. What is disturbed
# as often as this keeps others from changing anything while it looks: a batch takes long.
_ATTEMPTS = 50
_DISTURBED = 3
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
        return self._settled(lambda look: look.allows(check))[0]

    def decide(
        self, checks: Sequence[Check], freshness: Freshness = _ANY
    ) -> tuple[list[bool], str]:
        """Whether each is allowed, all at one revision, and which.

        Raises Unavailable, InvalidCursor and ForeignRevision for a revision that is not ours, and
        Conflict when things change faster than they can be looked at.
        """
        self._catch_up_to(freshness)
        allowed, history, position = self._settled(
            lambda look: [look.allows(check) for check in checks]
        )
        return allowed, history.revision(position)

    def roles_on(self, subject: str, path: str) -> frozenset[str]:
        """The roles granted on exactly this path to the subject, its groups, or everyone."""
        return self._settled(lambda look: frozenset(look.roles_on(subject, path)))[0]

    def revision(self, freshness: Freshness) -> str:
        """A revision as fresh as asked; what is read from PostgreSQL from now on is of it or later.

        Raises as `decide` does.
        """
        self._catch_up_to(freshness)
        _, history, position = self._settled(lambda look: None)
        return history.revision(position)

    def _catch_up_to(self, freshness: Freshness) -> None:
        """Makes this process as fresh as asked. Raises as `decide` does."""
        if freshness.full:
            self._policy.catch_up()
        elif freshness.revision:
            wanted = self._db.history.position(freshness.revision, field="at_least_as_fresh")
            if wanted > self._policy.position:
                self._policy.catch_up()
            if wanted > self._policy.position:
                raise ForeignRevision("at_least_as_fresh is ahead of the database: it went back.")

    def _settled(self, ask: Callable[[Look], T]) -> tuple[T, History, int]:
        """The answer, and where it is true: nothing that it stands on was dropped meanwhile."""
        policy = self._policy
        for attempt in range(_ATTEMPTS):
            # Before trust is asked for, because trust is taken away before a history begins.
            history = self._db.history
            if monotonic() > self._feed.trusted_until:
                self._feed.require_trust()
            look = Look(policy, self._clock.timestamp())
            with policy.undisturbed() if attempt > _DISTURBED else nullcontext():
                epoch = policy.epoch
                answer = ask(look)
                # After looking: what was loaded in between need not be true earlier.
                position, settled = policy.position, policy.epoch == epoch
            if look.missing:
                policy.load(look.missing)
            elif settled:
                policy.hits += 1
                return answer, history, position
        raise Conflict
