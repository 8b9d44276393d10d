"""The event stream's surroundings, played by hand: a database with a log, watchers, and turns.

Each turn of the stream's two threads is a call. What else happens while it reads the database is a
list of steps, so any interleaving at the reads can be written down, or made up.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from service.events import stream as module
from service.events.models import EventFilter, RecordedEvent
from service.events.stream import EventStream
from service.kernel.errors import InvalidArgument, OutOfRange, PreconditionFailed, Unavailable
from service.storage.revision import History

Step = tuple[Any, ...]

# Small, so that a short history reaches every bound.
PAGE, RECENT, MUCH, LITTLE = 3, 4, 6, 2
_MOST = max(MUCH, LITTLE + PAGE - 1 + RECENT) + PAGE
_ID = UUID(int=0)
_TIME = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class Past:
    """One history of the database: what the position of each type's event was."""

    history: History
    events: list[tuple[int, str]] = field(default_factory=list)
    newest: int = 0
    deleted: int = 0


class Watcher:
    """A client that takes what it is told when a test says so, and notes what must not be."""

    def __init__(self, world: "World", prefix: str) -> None:
        self.world = world
        self.prefix = prefix
        self.past: Past | None = None
        self.start = 0
        self.told: list[int] = []
        self.waiting = 0
        self.beats = 0
        self.ended: Exception | str | None = None

    def tell(self, event: RecordedEvent) -> None:
        if self.ended:
            return  # as outboxes do
        assert self.past is not None
        assert event.revision == self.past.history.revision(event.position)
        self.told.append(event.position)
        self.waiting += 1
        assert self.waiting <= _MOST, "it is told more than it is to have in the mail"
        assert self.told == self.wanted()[: len(self.told)], "a gap, a repetition or a wrong order"

    def reassure(self, cursor: str) -> None:
        if self.ended:
            return
        if self.past is None:
            self.past = self.world.past
            self.start = self.past.history.position(cursor)
        told = self.past.history.position(cursor)
        assert self.told == [it for it in self.wanted() if it <= told], "a cursor that lies"
        self.beats += 1

    def give_up(self) -> None:
        self.ended = self.ended or "given up"

    def end(self, error: Exception) -> None:
        if isinstance(error, AssertionError):
            raise error  # of its own, above
        self.ended = self.ended or error

    def wanted(self) -> list[int]:
        assert self.past is not None
        return [
            position
            for position, kind in self.past.events
            if position > self.start and kind.startswith(self.prefix)
        ]


class _Seen:
    """The repository, as one statement sees the log."""

    def __init__(self, world: "World", history: History) -> None:
        self._world = world
        self._history = history

    def ends(self) -> tuple[int, int]:
        past = self._world.past
        found = past.newest, past.deleted
        self._world.meanwhile()
        return found

    def after(
        self, position: int, which: EventFilter, limit: int, *, through: int = 2**63
    ) -> list[RecordedEvent]:
        past = self._world.past
        found = [
            self._event(at, kind)
            for at, kind in past.events
            if max(position, past.deleted) < at <= through and kind.startswith(which.type_prefix)
        ]
        self._world.meanwhile()
        return found[:limit]

    def _event(self, position: int, kind: str) -> RecordedEvent:
        revision = self._history.revision(position)
        return RecordedEvent(position, revision, _ID, kind, "", "", _TIME, "", "", {})


class World:
    """Database, wake-up and clock in one; `stream` is what is tried."""

    def __init__(self) -> None:
        self.past = Past(History(1, 1, 1))
        self.away = False
        self.now = 0.0
        self.heard = 0
        self.watchers: list[Watcher] = []
        self._stops: dict[Watcher, Callable[[], None]] = {}
        self._meanwhile: list[list[Step]] = []
        self._turns: set[str] = set()
        self.stream = EventStream(self, self)  # type: ignore[arg-type]
        self.stream.forget()  # as the change feed's first read has it

    @property
    def history(self) -> History:
        return self.past.history

    @contextmanager
    def reading(self) -> Iterator["World"]:
        if self.away:
            raise Unavailable("away")
        yield self

    def wait(self, seconds: float) -> None: ...

    def hear(self) -> None:
        self.heard += 1

    def meanwhile(self) -> None:
        """What happens while the database is read."""
        if self._meanwhile:
            self.take(self._meanwhile.pop(0))

    def take(self, steps: Sequence[Step]) -> None:
        for name, *given in steps:
            getattr(self, f"_{name}")(*given)

    def settle(self) -> None:
        """Everybody reads on until there is nothing more to tell."""
        self.away = False
        for _ in range(200):
            told = [len(it.told) for it in self.watchers]
            for watcher in self.watchers:
                watcher.waiting = 0
            for whose in ("read", "tell"):
                self._turn(whose, [])
            if told == [len(it.told) for it in self.watchers] and not self.stream._behind:
                known = {it.watcher for it in self.stream._live}
                assert known == {it for it in self.watchers if not it.ended}, "somebody is kept"
                return
        raise AssertionError("it never settles")

    def join(self, prefix: str = "", cursor: str = "") -> Watcher:
        watcher = Watcher(self, prefix)
        self._stops[watcher] = self.stream.watch(watcher, EventFilter(prefix), cursor)
        self.watchers.append(watcher)
        return watcher

    def _commit(self, kinds: str) -> None:
        for kind in kinds:
            self.past.newest += 1
            self.past.events.append((self.past.newest, kind))

    def _change(self) -> None:
        self.past.newest += 1

    def _join(self, prefix: str, back: int | None) -> None:
        position = self.past.newest - (back or 0)
        cursor = "" if back is None else self.history.revision(max(0, position))
        with suppress(Unavailable, OutOfRange, PreconditionFailed, InvalidArgument):
            self.join(prefix, cursor)

    def _leave(self, number: int) -> None:
        if self.watchers:
            gone = self.watchers.pop(number % len(self.watchers))
            gone.ended = "left"
            self._stops.pop(gone)()

    def _receive(self, number: int, count: int) -> None:
        if self.watchers:
            watcher = self.watchers[number % len(self.watchers)]
            watcher.waiting = max(0, watcher.waiting - count)

    def _pass(self, seconds: float) -> None:
        self.now += seconds

    def _fail(self) -> None:
        self.away = True

    def _recover(self) -> None:
        self.away = False

    def _purge(self, kept: int) -> None:
        """Drops what is old. Who is live has been told of it: events are kept for days."""
        old = self.past.newest - kept
        self.past.deleted = max(self.past.deleted, min(old, self.stream._told))

    def _restore(self, lost: int) -> None:
        """The same history with another past: the files of a backup were put back."""
        newest = max(0, self.past.newest - lost)
        events = [it for it in self.past.events if it[0] <= newest]
        self.past = Past(self.history, events, newest, min(self.past.deleted, newest))
        self.stream.forget()

    def _fail_over(self, lost: int) -> None:
        history = self.history
        self._restore(lost)
        self.past.history = History(1, history.timeline + 1, 1)
        self.stream.forget()

    def _turn(self, whose: str, meanwhile: list[list[Step]]) -> None:
        """One turn of one of the threads, which are one thread each."""
        if whose in self._turns or (whose == "read" and not self.stream._behind):
            return
        work = self.stream._tell_live if whose == "tell" else self.stream._read_for_those_behind
        outer, self._meanwhile = self._meanwhile, list(meanwhile)
        self._turns.add(whose)
        try:
            work()
        except Unavailable:
            pass
        finally:
            self._turns.discard(whose)
            self._meanwhile = outer


@contextmanager
def small_world() -> Iterator[World]:
    """A world whose stream has small bounds and time by hand."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("_PAGE", PAGE),
            ("_RECENT", RECENT),
            ("_MUCH", MUCH),
            ("_LITTLE", LITTLE),
            ("_LOOK", 0.0),
            ("EventRepository", _Seen),
        ):
            patch.setattr(module, name, value)
        patch.setattr(module, "monotonic", lambda: world.now)
        world: World = object.__new__(World)
        world.now = 0.0
        world.__init__()  # type: ignore[misc]
        yield world
