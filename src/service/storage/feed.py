"""The change feed: how a process learns what others committed, and when to stop trusting itself.

Changes are read from PostgreSQL by position, at least once a second; Redis only says "look now".
What a process remembers is believed until `TRUST` seconds after the last successful read.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from time import monotonic, time
from typing import Any

import structlog
from sqlalchemy import Connection, Row, text

from service.kernel.changes import REVOCATIONS, Change, ChangeKind, Follower
from service.kernel.clock import Clock
from service.kernel.errors import Unavailable
from service.storage.database import Database, read_history
from service.storage.revision import History
from service.storage.wakeup import Wakeup

POLL = 1.0
TRUST = 3.0
_CURRENT = 2.0
_TOO_LONG = 3600.0
_PATIENCE = 3.0
_PAGE = 1000

_NOW = text("SELECT clock_timestamp()")
# With the time of the change that was read last: where it is missing or another, so is the past.
_LATEST = text(
    "SELECT coalesce(max(position), 0) AS position,"
    " (SELECT time FROM changes WHERE position = :here) AS time FROM changes"
)
_LIVING = text(
    "SELECT kind, key, expire_time, position FROM changes"
    " WHERE kind = ANY(:kinds) AND expire_time > clock_timestamp() ORDER BY position"
)
_NEWER = text(
    "SELECT kind, key, expire_time, position, time FROM changes"
    " WHERE position > :after ORDER BY position LIMIT :page"
)

log = structlog.get_logger("gatehouse.feed")


class ChangeFeed:
    """Reads changes in a thread of its own and hands them to its followers, in order."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        wakeup: Wakeup,
        on_history: Callable[[History], None],
        on_loss: Callable[[], None],
    ) -> None:
        self._database = database
        self._on_history = on_history
        self._on_loss = on_loss
        self._clock = clock
        self._wakeup = wakeup
        self._followers: list[Follower] = []
        self._listeners: list[Callable[[Sequence[Change], int], None]] = []
        self._reading = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="change-feed", daemon=True)
        self._stopping = threading.Event()
        self._begun = 0.0
        self._away = False
        self._history: History | None = None
        self._time_of_last: datetime | None = None
        self.position = 0
        self.trusted_until = 0.0
        self.last_read = 0.0

    def follow(self, follower: Follower) -> None:
        """Adds a follower; all are added before `start`."""
        self._followers.append(follower)

    def tell_in_order(self, listener: Callable[[Sequence[Change], int], None]) -> None:
        """Adds a listener for what was read, up to a position that only ever grows in one history.

        Unlike a follower it is not told of this process's own commits before their turn.
        """
        self._listeners.append(listener)

    def start(self) -> None:
        """Reads once, then goes on in a thread. Raises Unavailable when PostgreSQL is away."""
        self.read()
        self._wakeup.start()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread, if it was started; waits for it, but not for a database that hangs."""
        self._stopping.set()
        self._wakeup.stop()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    @property
    def age(self) -> float:
        """Seconds since PostgreSQL was last read."""
        return monotonic() - self.last_read

    @property
    def current(self) -> bool:
        """Whether the last read succeeded and is not long ago."""
        return not self._away and self.age < _CURRENT

    def announce(self, changes: Sequence[Change]) -> None:
        """Takes this process's own commit at once, and wakes the others."""
        for follower in self._followers:
            follower.apply(changes)
        self._wakeup.announce()

    def require_trust(self) -> None:
        """Makes sure that what is remembered may be believed. Raises Unavailable if it may not."""
        now = monotonic()
        if now <= self.trusted_until:
            return
        # The feed's own thread tries again and again; who calls need not wait for what it knows.
        if self._away or (self._reading.locked() and now - self._begun > POLL):
            raise Unavailable("The database is away; retry.")
        self.read()

    def read(self) -> None:
        """Reads what is newer than `position`. Raises Unavailable when PostgreSQL is away."""
        if not self._reading.acquire(timeout=POLL):
            raise Unavailable("The database does not answer; retry.")
        try:
            started = self._begun = monotonic()
            with self._database.reading() as connection:
                self._read(connection)
            self.last_read = monotonic()
            self.trusted_until = started + TRUST
        except Unavailable:
            self._on_loss()
            raise
        finally:
            self._reading.release()

    def _read(self, connection: Connection) -> None:
        sent = time()
        now = connection.execute(_NOW).scalar_one()
        self._clock.follow(now, sent=sent, received=time())
        history = read_history(connection)
        latest, time_of_last = connection.execute(_LATEST, {"here": self.position}).one()
        # Changes are purged after a day, so who was away for long cannot just read on. And files
        # put back from a backup have the same history but another past.
        goes_on = history == self._history and latest >= self.position
        if not goes_on or time_of_last != self._time_of_last or self.age > _TOO_LONG:
            self._begin(connection, history, latest)
        rows = self._newer(connection)
        while rows:
            self._apply(_changes(rows), rows[-1].position)
            self._time_of_last = rows[-1].time
            rows = self._newer(connection) if len(rows) == _PAGE else ()

    def _begin(self, connection: Connection, history: History, latest: int) -> None:
        """A history not followed so far: remember nothing but what is revoked in it."""
        kinds = [str(kind) for kind in REVOCATIONS]
        living = _changes(connection.execute(_LIVING, {"kinds": kinds}))
        # Whoever asks between forgetting and knowing again must wait for this read.
        self.trusted_until = 0.0
        self._on_history(history)
        for follower in self._followers:
            follower.forget()
        self._apply(living, latest)
        self._history = history
        self._time_of_last = connection.execute(_LATEST, {"here": latest}).one().time

    def _newer(self, connection: Connection) -> Sequence[Row[Any]]:
        return connection.execute(_NEWER, {"after": self.position, "page": _PAGE}).all()

    def _apply(self, changes: Sequence[Change], position: int) -> None:
        for follower in self._followers:
            follower.apply(changes)
        self.position = position
        for listener in self._listeners:
            listener(changes, position)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wakeup.wait(POLL)
            try:
                self._read_again()
            except Unavailable as error:
                self._tell(away=True, why=str(error))
            except Exception:
                log.exception("change feed")
                self._tell(away=True, why="unexpected fault")
            else:
                self._tell(away=False, why="")

    def _read_again(self) -> None:
        """Reads; twice if need be, because the first may find only that its connection died."""
        try:
            self.read()
        except Unavailable:
            self.read()

    def _tell(self, *, away: bool, why: str) -> None:
        if away != self._away:
            self._away = away
            log.warning("PostgreSQL is away", why=why) if away else log.info("PostgreSQL is back")


def _changes(rows: Iterable[Row[Any]]) -> list[Change]:
    return [Change(ChangeKind(row.kind), row.key, row.expire_time, row.position) for row in rows]
