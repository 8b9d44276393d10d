"""WatchEvents: events told as they are committed, in their order, to very many watchers.

Whoever is up to date is *live*: one thread reads what is new once, for all of them. Whoever resumes
somewhere in the past, or has more in the mail than they read, is *behind*: another thread reads for
them, a page at a time and only as fast as they take it, until they have caught up. So nobody holds
a thread, keeps more than a page or two in memory, or holds up anyone else.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Protocol

import structlog

from service.events.errors import CursorExpired
from service.events.models import EventFilter, RecordedEvent
from service.events.repository import EventRepository
from service.kernel.changes import Change
from service.kernel.errors import Unavailable
from service.storage.database import Database
from service.storage.revision import ForeignRevision, History, HistoryChanged
from service.storage.wakeup import Wakeup

_HEARTBEAT = 1.0
# Together less than an outbox takes: who is read a page, joins, and is told another with the rest.
_PAGE = 200
_RECENT = 400
# More than this untold, and a watcher is behind; less, and they are read another page.
_MUCH, _LITTLE = 400, 100
# Who is behind and takes nothing for so long has fallen behind for good.
_PATIENCE = 10.0
_LOOK = 0.05
# A database that hangs does not keep the process from ending.
_FAREWELL = 3.0

# Cursors are of the history that watchers know of: another is taken over when they are told so.
_NONE = History(0, 0, 0)

log = structlog.get_logger("gatehouse.events")


class Watcher(Protocol):
    """Someone who wants to know."""

    @property
    def waiting(self) -> int:
        """How much of what was told is still on its way."""

    def tell(self, event: RecordedEvent) -> None:
        """Something happened."""

    def reassure(self, cursor: str) -> None:
        """Nothing did, up to the cursor."""

    def give_up(self) -> None:
        """They do not read as fast as there is news."""

    def end(self, error: Exception) -> None:
        """No more news, because of the error."""


class _Place:
    """A watcher, what they want, and how far they were told.

    Used by one thread at a time: the teller's while they are live, the reader's while behind.
    """

    def __init__(
        self, watcher: Watcher, which: EventFilter, history: History, position: int, newest: int
    ) -> None:
        """`newest` is how far there was something to read when last looked at."""
        self.watcher = watcher
        self.which = which
        self.history = history
        self.position = position
        self.newest = newest
        self._told = self._taken = monotonic()
        self._untaken = 0

    def tell(self, events: Iterable[RecordedEvent]) -> None:
        """Tells what is new to them, and wanted."""
        for event in events:
            if event.position > self.position:
                self.position = event.position
                if self.which.takes(event):
                    self.watcher.tell(event)
                    self._told = monotonic()

    def is_uneasy(self) -> bool:
        """Whether they were told nothing for a while."""
        return monotonic() - self._told >= _HEARTBEAT

    def reassure(self) -> None:
        """Says that nothing else happened, as far as they were told."""
        self.watcher.reassure(self.history.revision(self.position))
        self._told = monotonic()

    def is_stuck(self) -> bool:
        """Whether they have taken nothing of what waits for them, for long.

        How much they take is not the question: it may be this process that is slow.
        """
        waiting, before = self.watcher.waiting, self._untaken
        self._untaken = waiting
        if waiting < before:
            self._taken = monotonic()
        return monotonic() - self._taken > _PATIENCE

    def wait_anew(self) -> None:
        """They took what they were told, or are about to be told more."""
        self._taken = monotonic()
        self._untaken = self.watcher.waiting


class EventStream:
    """Tells watchers of events: `start` and `stop` once each, and follow the change feed."""

    def __init__(self, database: Database, wakeup: Wakeup) -> None:
        self._db = database
        self._wakeup = wakeup
        self._live: set[_Place] = set()
        self._behind: set[_Place] = set()
        # All live watchers were told up to `_told`, and `_recent` has what came last.
        self._told = 0
        self._recent: deque[RecordedEvent] = deque(maxlen=_RECENT)
        self._recent_since = 0
        self._lock = threading.RLock()
        self._to_read = threading.Condition(self._lock)
        self._stopping = threading.Event()
        self._history = _NONE
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
            for work, name in (
                (self._tell_live, "event-teller"),
                (self._read_for_those_behind, "event-reader"),
            )
        ]

    def start(self) -> None:
        """Starts telling."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stopping.set()
        self._wakeup.hear()
        with self._to_read:
            self._to_read.notify()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_FAREWELL)

    def watch(self, watcher: Watcher, which: EventFilter, cursor: str) -> Callable[[], None]:
        """Tells the watcher what is newer than the cursor, or else than this call.

        The answer, called, ends that. Raises InvalidCursor, ForeignRevision, CursorExpired, and
        Unavailable while PostgreSQL is away.
        """
        history = self._history
        with self._reading(history) as events:
            newest, deleted = events.ends()
        position = history.position(cursor) if cursor else newest
        if position < deleted:
            raise CursorExpired
        if position > newest:
            raise ForeignRevision("cursor is ahead of the database; start without one.")
        place = _Place(watcher, which, history, position, newest)
        with self._to_read:
            if history is not self._history:
                raise HistoryChanged
            place.reassure()
            self._behind.add(place)
            self._to_read.notify()
        return lambda: self._forget(place)

    def apply(self, changes: Sequence[Change]) -> None:
        """Events are read by themselves."""

    def forget(self) -> None:
        """Another history begins, or this one after a gap: watchers must start over."""
        with self._lock:
            # Another object each time: files put back have the same history, and another past.
            self._history = replace(self._db.history)
            for place in self._live | self._behind:
                place.watcher.end(HistoryChanged())
            self._live.clear()
            self._behind.clear()

    def _run(self, work: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                work()
            except Unavailable as error:
                # Nothing is told meanwhile, a sign of life neither: it would be a lie.
                log.debug("events cannot be read", why=str(error))
                self._stopping.wait(_HEARTBEAT)
            except Exception:
                log.exception("events")
                self._stopping.wait(_HEARTBEAT)

    def _tell_live(self) -> None:
        self._wakeup.wait(_HEARTBEAT)
        more = True
        while more and self._live and not self._stopping.is_set():
            more = self._tell_page()
            with self._lock:
                uneasy = [place for place in self._live if place.is_uneasy()]
            for place in uneasy:
                place.reassure()

    def _tell_page(self) -> bool:
        """Whether there may be more."""
        history, after = self._history, self._told
        with self._reading(history) as events:
            news = events.after(after, EventFilter(), _PAGE)
        with self._lock:
            if history is not self._history or after != self._told:
                return True  # everyone left meanwhile, and others came
            if not news:
                return False
            self._recent.extend(news)
            self._recent_since = max(self._recent_since, self._oldest_recent())
            self._told = news[-1].position
            live = list(self._live)
        # Without the lock: who comes or goes need not wait until a thousand were told.
        for place in live:
            self._tell(place, news)
            if place.watcher.waiting > _MUCH:
                self._fall_behind(place)
        return len(news) == _PAGE

    def _fall_behind(self, place: _Place) -> None:
        place.wait_anew()
        place.newest = place.position
        with self._to_read:
            if place in self._live:
                self._live.discard(place)
                self._behind.add(place)
                self._to_read.notify()

    def _read_for_those_behind(self) -> None:
        with self._to_read:
            self._to_read.wait_for(lambda: self._behind or self._stopping.is_set())
            behind = list(self._behind)
        busy = False
        for place in behind:
            if self._stopping.is_set():
                return
            if place.watcher.waiting <= _LITTLE:
                self._read_for(place)
                busy = True
            elif place.is_stuck():
                self._forget(place)
                place.watcher.give_up()
        if not busy:
            self._stopping.wait(_LOOK)

    def _read_for(self, place: _Place) -> None:
        with self._reading(place.history) as events:
            page = events.after(place.position, place.which, _PAGE, through=place.newest)
            # Looked at last: of what is not deleted yet, nothing was missing in the page.
            newest, deleted = events.ends()
        if place.position < deleted:
            self._forget(place)
            place.watcher.end(CursorExpired())
            return
        self._tell(place, page)
        place.wait_anew()
        if len(page) < _PAGE:
            place.position, place.newest = place.newest, newest
            self._join(place)

    def _join(self, place: _Place) -> None:
        """Lets them be told with the others, and of what those were told meanwhile."""
        with self._lock:
            if place not in self._behind:
                return  # gone meanwhile
            if not self._live:
                self._told = self._recent_since = place.position
                self._recent.clear()
            if place.position >= self._recent_since:
                self._behind.discard(place)
                self._live.add(place)
                self._tell(place, self._recent)
                self._wakeup.hear()

    def _tell(self, place: _Place, events: Iterable[RecordedEvent]) -> None:
        """Ends who cannot be told: the others are told, and nobody goes on behind a gap."""
        try:
            place.tell(events)
        except Exception as error:  # noqa: BLE001 - every fault gets a status
            self._forget(place)
            place.watcher.end(error)

    def _oldest_recent(self) -> int:
        """Where `_recent` begins, if something fell out of it."""
        return self._recent[0].position - 1 if len(self._recent) == _RECENT else 0

    @contextmanager
    def _reading(self, history: History) -> Iterator[EventRepository]:
        with self._db.reading() as connection:
            yield EventRepository(connection, history)

    def _forget(self, place: _Place) -> None:
        with self._lock:
            self._live.discard(place)
            self._behind.discard(place)
