"""What is revoked stays refused, also while the feed begins a new history."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from service.kernel.changes import Change, ChangeKind
from service.kernel.clock import Clock
from service.kernel.principal import Principal
from service.sessions.errors import SessionRevoked
from service.sessions.revocations import Revocations

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
ADA = Principal("users/1", "sessions/1", "token", frozenset({"*"}), NOW, LATER)
REVOKED = [Change(ChangeKind.SESSION_REVOKED, ADA.session, LATER, 1)]


class Feed:
    """A feed that is trusted; what is to happen happens once somebody has looked at the trust."""

    def __init__(self) -> None:
        self._trusted_until = monotonic() + 60
        self.then: Callable[[], None] = lambda: None

    @property
    def trusted_until(self) -> float:
        seen, then = self._trusted_until, self.then
        self.then = lambda: None
        then()
        return seen

    def begin(self, revocations: Revocations) -> None:
        self._trusted_until = 0.0
        revocations.forget()

    def require_trust(self) -> None:
        """Called by who found no trust."""
        self.revocations.apply(REVOKED)
        self._trusted_until = monotonic() + 60

    def follow(self, follower: Revocations) -> None:
        self.revocations = follower


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def revocations(feed: Feed) -> Revocations:
    made = Revocations(feed, Clock())  # type: ignore[arg-type]
    made.apply(REVOKED)
    return made


def test_what_is_revoked_is_refused(revocations: Revocations) -> None:
    with pytest.raises(SessionRevoked):
        revocations.refuse(ADA)


def test_whoever_asks_while_a_new_history_begins_is_refused_too(
    revocations: Revocations, feed: Feed
) -> None:
    feed.then = lambda: feed.begin(revocations)
    with pytest.raises(SessionRevoked):
        revocations.refuse(ADA)
