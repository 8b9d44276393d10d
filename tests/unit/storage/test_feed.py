"""The change feed over a stand-in database: order, trust, and a database that went back in time."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from service.kernel.changes import Change, ChangeKind
from service.kernel.clock import Clock
from service.kernel.errors import Unavailable
from service.storage import feed as feed_module
from service.storage.database import _HISTORY
from service.storage.feed import _LATEST, _LIVING, _NEWER, _NOW, TRUST, ChangeFeed
from service.storage.revision import History
from tests.support.waiting import wait_until

USER, REVOKED = ChangeKind.USER, ChangeKind.SESSION_REVOKED
LATER = datetime.now(UTC) + timedelta(hours=1)


class StandIn:
    """A database of changes that can be away, and can be another."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.times: dict[int, datetime] = {}
        self.history = History(1, 1, 1)
        self.away = False
        self.adopted: list[History] = []
        self.losses = 0
        self.when_asked_for_the_living: Callable[[], None] = lambda: None

    def commit(self, kind: ChangeKind, key: str, expire_time: datetime | None = None) -> None:
        self.changes.append(Change(kind, key, expire_time, len(self.changes) + 1))
        self.times[len(self.changes)] = datetime.now(UTC)

    def lose(self) -> None:
        self.losses += 1

    @contextmanager
    def reading(self) -> Iterator["StandIn"]:
        if self.away:
            raise Unavailable("away")
        yield self

    def execute(self, statement: object, given: dict[str, Any] | None = None) -> Any:
        if statement is _NOW:
            return _scalar(datetime.now(UTC))
        if statement is _LATEST:
            assert given is not None
            time = self.times.get(given["here"])
            return SimpleNamespace(one=lambda: _Latest(len(self.changes), time))
        if statement is _HISTORY:
            return SimpleNamespace(one=lambda: astuple(self.history))
        if statement is _LIVING:
            self.when_asked_for_the_living()
            return [
                it for it in self.changes if it.expire_time and it.expire_time > datetime.now(UTC)
            ]
        assert statement is _NEWER
        assert given is not None
        newer = [it for it in self.changes if it.position > given["after"]][: given["page"]]
        return SimpleNamespace(all=lambda: [_Row(it, self.times[it.position]) for it in newer])


class Memory:
    """A follower that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.emptied = 0

    def apply(self, changes: Sequence[Change]) -> None:
        self.heard += [it.key for it in changes]

    def forget(self) -> None:
        self.heard.clear()
        self.emptied += 1


class Silence:
    """A wake-up that nobody hears."""

    def announce(self) -> None: ...

    def stop(self) -> None: ...

    def wait(self, seconds: float) -> None: ...


def _lose() -> None:
    raise Unavailable("lost")


class _Latest(NamedTuple):
    position: int
    time: datetime | None


class _Row:
    """A change as it is read, with its time."""

    def __init__(self, change: Change, time: datetime) -> None:
        self.kind, self.key, self.expire_time = change.kind, change.key, change.expire_time
        self.position, self.time = change.position, time


def _scalar(value: object) -> Any:
    return SimpleNamespace(scalar_one=lambda: value)


@pytest.fixture
def database() -> StandIn:
    return StandIn()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def feed(database: StandIn, memory: Memory) -> ChangeFeed:
    made = ChangeFeed(
        database,  # type: ignore[arg-type]
        Clock(),
        Silence(),  # type: ignore[arg-type]
        on_history=database.adopted.append,
        on_loss=database.lose,
    )
    made.follow(memory)
    return made


@pytest.fixture
def hung(feed: ChangeFeed, database: StandIn) -> Iterator[ChangeFeed]:
    """The feed, its thread caught in a read until the test is over."""
    caught, over = threading.Event(), threading.Event()

    def hang() -> None:
        caught.set()
        over.wait()

    database.when_asked_for_the_living = hang
    feed._thread.start()
    caught.wait()
    yield feed
    over.set()
    feed._stopping.set()
    feed._thread.join()


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1000.0]
    monkeypatch.setattr(feed_module, "monotonic", lambda: now[0])

    def later(seconds: float) -> None:
        now[0] += seconds

    return later


def test_the_first_read_brings_only_what_is_still_revoked(
    feed: ChangeFeed, database: StandIn, memory: Memory
) -> None:
    database.commit(USER, "users/1")
    database.commit(REVOKED, "sessions/1", LATER)
    database.commit(REVOKED, "sessions/0", LATER - timedelta(hours=2))
    feed.read()
    assert memory.heard == ["sessions/1"]
    assert feed.position == 3


def test_changes_are_heard_once_and_in_order(
    feed: ChangeFeed, database: StandIn, memory: Memory
) -> None:
    feed.read()
    for number in range(5):
        database.commit(USER, f"users/{number}")
    feed.read()
    feed.read()
    assert memory.heard == [f"users/{n}" for n in range(5)]


def test_more_changes_than_one_page_are_all_heard(
    feed: ChangeFeed, database: StandIn, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.read()
    monkeypatch.setattr(feed_module, "_PAGE", 3)
    for number in range(10):
        database.commit(USER, f"users/{number}")
    feed.read()
    assert len(memory.heard) == 10


def test_what_was_read_is_believed_for_three_seconds_and_then_asked_again(
    feed: ChangeFeed, database: StandIn, pass_time: Callable[[float], None]
) -> None:
    feed.read()
    database.away = True
    pass_time(TRUST)
    feed.require_trust()
    pass_time(0.001)
    with pytest.raises(Unavailable):
        feed.require_trust()
    database.away = False
    feed.require_trust()


def test_a_failed_read_earns_no_trust(
    feed: ChangeFeed, database: StandIn, pass_time: Callable[[float], None]
) -> None:
    database.away = True
    with pytest.raises(Unavailable):
        feed.read()
    assert feed.trusted_until == 0.0
    with pytest.raises(Unavailable):
        feed.require_trust()


def test_trust_runs_from_the_start_of_a_read_not_from_its_end(
    feed: ChangeFeed, database: StandIn, pass_time: Callable[[float], None]
) -> None:
    feed.read()
    begun = feed_module.monotonic()
    database.commit(USER, "slow")
    feed.follow(SimpleNamespace(apply=lambda changes: pass_time(2.0), forget=lambda: None))
    feed.read()
    assert feed.trusted_until == begun + TRUST


@pytest.mark.parametrize("history", [History(2, 1, 1), History(1, 2, 1)])
def test_another_history_makes_everyone_forget(
    feed: ChangeFeed, database: StandIn, memory: Memory, history: History
) -> None:
    database.commit(REVOKED, "sessions/1", LATER)
    feed.read()
    database.history = history
    database.changes = [replace(database.changes[0], key="sessions/2")]
    feed.read()
    assert memory.heard == ["sessions/2"]
    assert memory.emptied == 2
    assert database.adopted == [History(1, 1, 1), history]


def test_a_database_that_lost_changes_makes_everyone_forget(
    feed: ChangeFeed, database: StandIn, memory: Memory
) -> None:
    for number in range(5):
        database.commit(REVOKED, f"sessions/{number}", LATER)
    feed.read()
    del database.changes[2:]
    feed.read()
    assert memory.heard == ["sessions/0", "sessions/1"]
    assert feed.position == 2


def test_who_was_away_for_an_hour_starts_over(
    feed: ChangeFeed, memory: Memory, pass_time: Callable[[float], None]
) -> None:
    feed.read()
    pass_time(3601)
    feed.read()
    assert memory.emptied == 2


def test_ones_own_commit_is_heard_at_once_and_does_not_move_the_position(
    feed: ChangeFeed, database: StandIn, memory: Memory
) -> None:
    feed.read()
    feed.announce([Change(USER, "users/1", None, 7)])
    assert memory.heard == ["users/1"]
    assert feed.position == 0


def test_listeners_hear_in_order_and_never_of_ones_own_commit_early(
    feed: ChangeFeed, database: StandIn
) -> None:
    told: list[tuple[list[str], int]] = []
    feed.tell_in_order(lambda changes, upto: told.append(([it.key for it in changes], upto)))
    feed.read()
    feed.announce([Change(USER, "users/2", None, 2)])
    database.commit(USER, "users/1")
    database.commit(USER, "users/2")
    feed.read()
    assert told == [([], 0), (["users/1", "users/2"], 2)]


def test_nobody_is_believed_while_a_new_history_begins(feed: ChangeFeed, database: StandIn) -> None:
    trusted: list[bool] = []

    def note() -> None:
        trusted.append(feed_module.monotonic() <= feed.trusted_until)

    feed.follow(SimpleNamespace(apply=lambda changes: None, forget=note))
    feed.read()
    database.history = History(2, 1, 1)
    feed.read()
    assert trusted == [False, False]


def test_nothing_is_forgotten_before_it_is_known_what_is_revoked_in_the_new_history(
    feed: ChangeFeed, database: StandIn, memory: Memory
) -> None:
    database.commit(REVOKED, "sessions/1", LATER)
    feed.read()
    database.history = History(2, 1, 1)
    database.when_asked_for_the_living = _lose
    with pytest.raises(Unavailable):
        feed.read()
    assert memory.heard == ["sessions/1"]


def test_whoever_asks_while_a_read_hangs_is_told_at_once(
    feed: ChangeFeed, database: StandIn, hung: ChangeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "POLL", 0.0)
    monkeypatch.setattr(feed, "read", lambda: pytest.fail("waited for the read"))
    with pytest.raises(Unavailable):
        feed.require_trust()


def test_whoever_asks_while_the_database_is_known_to_be_away_is_told_at_once(
    feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed._tell(away=True, why="test")
    monkeypatch.setattr(feed, "read", lambda: pytest.fail("read for it"))
    with pytest.raises(Unavailable):
        feed.require_trust()


def test_the_end_does_not_wait_for_a_database_that_hangs(
    hung: ChangeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_PATIENCE", 0.01)
    stopping = threading.Thread(target=hung.stop, daemon=True)
    stopping.start()
    wait_until(lambda: not stopping.is_alive(), "the end")
    assert hung._thread.is_alive()


def test_each_loss_is_told(feed: ChangeFeed, database: StandIn) -> None:
    feed.read()
    assert database.losses == 0
    database.away = True
    with pytest.raises(Unavailable):
        feed.read()
    assert database.losses == 1


def test_files_put_back_that_grew_again_are_another_past(
    feed: ChangeFeed, database: StandIn, memory: Memory
) -> None:
    database.commit(USER, "users/lost")
    feed.read()
    emptied = memory.emptied
    database.changes.clear()
    database.times.clear()
    for number in range(3):
        database.commit(USER, f"users/{number}")
    feed.read()
    assert memory.emptied == emptied + 1
    feed.read()
    assert memory.emptied == emptied + 1
