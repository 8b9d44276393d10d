"""What verifiers of tokens must stop accepting: here, and wherever a watcher verifies."""

import threading
from collections.abc import Sequence
from datetime import datetime
from time import monotonic

from service.kernel.changes import REVOCATIONS, Change, ChangeKind
from service.kernel.clock import Clock
from service.kernel.principal import Principal
from service.sessions.errors import SessionRevoked
from service.storage.feed import ChangeFeed


class Revocations:
    """The revoked sessions, subjects and tokens that still matter, fed by the change feed."""

    def __init__(self, feed: ChangeFeed, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._revoked: dict[tuple[ChangeKind, str], Change] = {}
        self._lock = threading.Lock()
        feed.follow(self)

    def refuse(self, principal: Principal) -> None:
        """Raises SessionRevoked, and Unavailable when what is remembered may not be believed."""
        revoked = self._believed()
        if revoked and (
            (ChangeKind.SESSION_REVOKED, principal.session) in revoked
            or (ChangeKind.SUBJECT_REVOKED, principal.subject) in revoked
            or (ChangeKind.TOKEN_REVOKED, principal.token_id) in revoked
        ):
            raise SessionRevoked

    def _believed(self) -> dict[tuple[ChangeKind, str], Change]:
        """What is remembered; looked at again when the feed has begun a new history meanwhile."""
        while True:
            trusted_until = self._feed.trusted_until
            if monotonic() > trusted_until:
                self._feed.require_trust()
                trusted_until = self._feed.trusted_until
            revoked = self._revoked
            if trusted_until == self._feed.trusted_until:
                return revoked

    def apply(self, changes: Sequence[Change]) -> None:
        """Takes the revocations among the changes, and forgets those that no longer matter."""
        fresh = {(one.kind, one.key): one for one in changes if one.kind in REVOCATIONS}
        if not fresh:
            return
        now = self._clock.now()
        with self._lock:
            kept = {key: one for key, one in self._revoked.items() if _matters(one, now)}
            self._revoked = kept | fresh

    def forget(self) -> None:
        """Nothing is remembered; the feed brings what is revoked in the history it follows."""
        with self._lock:
            self._revoked = {}

    def living(self) -> list[Change]:
        """The revocations that still matter, in their order."""
        now = self._clock.now()
        return sorted(
            (one for one in self._revoked.values() if _matters(one, now)),
            key=lambda one: one.position,
        )


def _matters(change: Change, now: datetime) -> bool:
    return change.expire_time is None or change.expire_time > now
