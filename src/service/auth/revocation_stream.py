"""WatchRevocations: what other verifiers must stop accepting, told in the order of the commits."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from service.kernel.changes import REVOCATIONS, Change
from service.sessions.revocations import Revocations
from service.storage.database import Database
from service.storage.feed import ChangeFeed
from service.storage.revision import ForeignRevision

_HEARTBEAT = 15.0


class HistoryChanged(ForeignRevision):
    """The database went back in time; a watcher must start over."""

    def __init__(self) -> None:
        super().__init__("The database was restored or failed over; start without a cursor.")


class Watcher(Protocol):
    """Someone who wants to know."""

    def tell(self, revocations: Sequence[Change], cursor: str) -> None:
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
        self._position = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="revocation-beat", daemon=True)
        feed.tell_in_order(self._news)

    def start(self) -> None:
        """Starts the heartbeat."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the heartbeat."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def watch(self, watcher: Watcher, cursor: str) -> Callable[[], None]:
        """Tells the watcher what still matters and is newer than the cursor, then all that comes.

        The answer, called, ends that. Raises InvalidCursor, ForeignRevision.
        """
        after = self._db.history.position(cursor) if cursor else 0
        if after > self._position:
            self._feed.read()
        with self._lock:
            if after > self._position:
                raise ForeignRevision("cursor is ahead of the database; start without one.")
            known = [
                one for one in self._revocations.living() if after < one.position <= self._position
            ]
            watcher.tell(known, self._cursor())
            self._watchers.add(watcher)
        return lambda: self._forget(watcher)

    def _news(self, changes: Sequence[Change], position: int) -> None:
        with self._lock:
            if position < self._position:
                for watcher in self._watchers:
                    watcher.end(HistoryChanged())
                self._watchers.clear()
            self._position = position
            news = [one for one in changes if one.kind in REVOCATIONS]
            if news:
                self._tell(news)

    def _tell(self, news: Sequence[Change]) -> None:
        cursor = self._cursor()
        for watcher in self._watchers:
            watcher.tell(news, cursor)

    def _cursor(self) -> str:
        return self._db.history.revision(self._position)

    def _forget(self, watcher: Watcher) -> None:
        with self._lock:
            self._watchers.discard(watcher)

    def _run(self) -> None:
        while not self._stopping.wait(_HEARTBEAT):
            with self._lock:
                self._tell([])
