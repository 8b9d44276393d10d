"""WatchRevocations: what other verifiers must stop accepting, told in the order of the commits.

Every message says the revision of the newest change that may have changed a decision too, so that
who keeps decisions elsewhere knows when to drop them.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from service.kernel.changes import REVOCATIONS, Change, ChangeKind
from service.sessions.revocations import Revocations
from service.storage.database import Database
from service.storage.feed import ChangeFeed
from service.storage.revision import ForeignRevision, HistoryChanged

# A verifier that hears nothing refuses everybody (gatehouse_client gives it five seconds), so there
# is a beat a second. It is the feed's own pace: a beat says that PostgreSQL was read.
_HEARTBEAT = 1.0

# One message to one watcher costs this process some 55 µs; a beat to a thousand, a twentieth of a
# core. After news there is a pause of 20 ms, and of more with many watchers: telling them takes a
# fifth of a core, whatever is written. The first news after a silence goes out at once.
_PAUSE = 0.02
_PAUSE_FOR_EACH = 0.0003

# No decision depends on these: signing out ends a session, not what its subject may do. A kind that
# is not listed, a future one too, counts as one that changes decisions.
_NEUTRAL = frozenset(
    {
        ChangeKind.SESSION_REVOKED,
        ChangeKind.TOKEN_REVOKED,
        ChangeKind.SIGNING_KEYS,
        ChangeKind.UNCHANGED,
        # Names and the like; a subject's state is STANDING.
        ChangeKind.SERVICE_ACCOUNT,
        ChangeKind.USER,
    }
)


class Watcher(Protocol):
    """Someone who wants to know."""

    def tell(self, revocations: Sequence[Change], cursor: str, revision: str) -> None:
        """News, or a heartbeat when there is none."""

    def end(self, error: Exception) -> None:
        """No more news, because of the error."""


class RevocationStream:
    """Tells watchers only what the feed has read in order, so that a cursor skips nothing."""

    def __init__(self, database: Database, feed: ChangeFeed, revocations: Revocations) -> None:
        self._db = database
        self._feed = feed
        self._revocations = revocations
        self._watchers: set[Watcher] = set()
        # As far as the watchers were told, and as far as the feed has read.
        self._told = 0
        self._read = 0
        self._untold: list[Change] = []
        # Of the newest change that may have changed a decision.
        self._decisive = 0
        self._announced = 0
        self._anew = False
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="revocation-teller", daemon=True)
        feed.follow(self)
        feed.tell_in_order(self._hear)

    def start(self) -> None:
        """Starts telling."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stopping.set()
        with self._news:
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join()

    def watch(self, watcher: Watcher, cursor: str) -> Callable[[], None]:
        """Tells the watcher what still matters and is newer than the cursor, then all that comes.

        The answer, called, ends that. Raises InvalidCursor, ForeignRevision, and Unavailable while
        PostgreSQL is away: who is told by us believes that we know.
        """
        self._feed.require_trust()
        after = self._db.history.position(cursor) if cursor else 0
        if after > self._read:
            self._feed.read()
        with self._lock:
            if self._is_news():
                self._tell()
            self._told = self._read
            if after > self._told:
                raise ForeignRevision("cursor is ahead of the database; start without one.")
            known = [
                one for one in self._revocations.living() if after < one.position <= self._told
            ]
            watcher.tell(known, self._cursor(), self._revision())
            self._watchers.add(watcher)
        return lambda: self._forget(watcher)

    def apply(self, changes: Sequence[Change]) -> None:
        """Waits for their turn: this process's own commits come here early."""

    def forget(self) -> None:
        """Another history begins, or this one after a gap: watchers must start over."""
        with self._lock:
            self._anew = True

    def _hear(self, changes: Sequence[Change], position: int) -> None:
        with self._news:
            if self._anew:
                self._anew = False
                self._begin(position)
            self._read = position
            self._untold += (one for one in changes if one.kind in REVOCATIONS)
            decisive = [one.position for one in changes if one.kind not in _NEUTRAL]
            if decisive:
                self._decisive = decisive[-1]
            if self._is_news():
                self._news.notify()

    def _begin(self, position: int) -> None:
        for watcher in self._watchers:
            watcher.end(HistoryChanged())
        self._watchers.clear()
        self._untold.clear()
        # Whatever was decided before may have changed.
        self._decisive = position

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._news:
                self._news.wait_for(
                    lambda: self._is_news() or self._stopping.is_set(), timeout=_HEARTBEAT
                )
                pause = 0.0
                if self._is_news():
                    self._tell()
                    pause = max(_PAUSE, _PAUSE_FOR_EACH * len(self._watchers))
                elif self._feed.current:  # a beat would be a lie while PostgreSQL is away
                    self._tell()
            self._stopping.wait(pause)

    def _is_news(self) -> bool:
        return bool(self._untold) or self._decisive != self._announced

    def _tell(self) -> None:
        self._told, self._announced = self._read, self._decisive
        news, self._untold = self._untold, []
        cursor, revision = self._cursor(), self._revision()
        for watcher in self._watchers:
            watcher.tell(news, cursor, revision)

    def _cursor(self) -> str:
        return self._db.history.revision(self._told)

    def _revision(self) -> str:
        return self._db.history.revision(self._announced)

    def _forget(self, watcher: Watcher) -> None:
        with self._lock:
            self._watchers.discard(watcher)
