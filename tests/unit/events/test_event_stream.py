"""What watchers are told, when, and when they are told nothing; who is ended, and why."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from service.events import stream as module
from service.events.errors import CursorExpired
from service.kernel.errors import Unavailable
from service.storage.revision import ForeignRevision, HistoryChanged, InvalidCursor
from service.transport import watching
from tests.support.waiting import wait_until
from tests.unit.events.surroundings import MUCH, PAGE, Watcher, World, small_world

TELL, READ = ("turn", "tell", []), ("turn", "read", [])


@pytest.fixture
def world() -> Iterator[World]:
    with small_world() as made:
        yield made


def live(world: World, prefix: str = "") -> Watcher:
    """Someone who is up to date."""
    watcher = world.join(prefix)
    world.take([READ])
    assert not world.stream._behind
    return watcher


def test_who_joins_is_told_at_once_that_they_are_there(world: World) -> None:
    assert world.join().beats == 1


def test_who_resumes_is_told_what_came_since(world: World) -> None:
    world.take([("commit", "abab")])
    watcher = world.join("a", world.history.revision(1))
    world.settle()
    assert watcher.told == [3]


def test_who_joins_need_not_wait_for_what_came_meanwhile(world: World) -> None:
    live(world)
    assert world.heard == 1


def test_who_leaves_while_they_are_told_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = live(world)
    monkeypatch.setattr(watcher, "tell", lambda event: world.take([("leave", 0)]))
    watcher.waiting = 2 * MUCH
    world.take([("commit", "a"), TELL])
    assert not world.stream._live | world.stream._behind


def test_whoever_falls_behind_is_read_for_and_catches_up(world: World) -> None:
    watcher = live(world)
    world.take([("commit", "a" * 50), TELL])
    assert MUCH < watcher.waiting <= MUCH + PAGE
    assert world.stream._behind
    world.settle()
    assert watcher.told == list(range(1, 51))
    assert not watcher.ended


def test_who_reads_nothing_is_given_up_and_others_are_not(world: World) -> None:
    stuck, steady = live(world), live(world)
    world.take([("commit", "a" * 50), TELL])
    for _ in range(20):
        world.take([READ, ("receive", 1, 1), ("pass", 1.0)])
    assert stuck.ended == "given up"
    assert not steady.ended


def test_who_reads_slowly_but_steadily_is_not_given_up(world: World) -> None:
    watcher = live(world)
    world.take([("commit", "a" * 30), TELL])
    for _ in range(30):
        world.take([("pass", module._PATIENCE * 0.9), ("receive", 0, 1), READ])
    assert not watcher.ended
    world.settle()
    assert watcher.told == list(range(1, 31))


def test_there_is_a_beat_a_second_while_there_is_nothing_to_tell(world: World) -> None:
    watcher = live(world)
    for _ in range(3):
        world.take([("pass", module._HEARTBEAT), TELL])
    assert watcher.beats == 4


def test_who_was_told_something_just_now_needs_no_beat(world: World) -> None:
    watcher = live(world)
    world.take([("pass", 0.9), ("commit", "a"), TELL, ("pass", 0.9), TELL])
    assert watcher.beats == 1


def test_there_are_beats_however_much_others_are_told(world: World) -> None:
    watcher = live(world, "c")
    busy = [[("commit", "a" * PAGE), ("pass", 0.5)] for _ in range(6)]
    world.take([("commit", "a" * PAGE), ("turn", "tell", busy)])
    assert watcher.beats == 4


def test_nobody_is_told_anything_while_the_database_is_away(world: World) -> None:
    watcher = live(world)
    world.take([("commit", "a"), ("fail",), ("pass", 5.0), TELL, READ])
    assert (watcher.told, watcher.beats) == ([], 1)
    world.take([("recover",), TELL])
    assert watcher.told == [1]


def test_nobody_begins_to_watch_while_the_database_is_away(world: World) -> None:
    world.take([("fail",)])
    with pytest.raises(Unavailable):
        world.join()


@pytest.mark.parametrize("moment", ["live", "behind", "joining"])
def test_who_cannot_be_told_is_ended_and_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    others = [live(world) for _ in range(3)]
    if moment == "live":
        victim = live(world)
        others += [live(world) for _ in range(3)]
    else:
        world.take([("commit", "aa")])
        victim = world.join("", world.history.revision(0 if moment == "behind" else 2))

    def tell(event: Any) -> None:
        raise ValueError

    monkeypatch.setattr(victim, "tell", tell)
    turn = ("turn", "read", [[], [("commit", "bb"), TELL]]) if moment == "joining" else READ
    world.take([turn, ("commit", "ab"), TELL, ("commit", "c"), TELL])
    assert isinstance(victim.ended, ValueError)
    world.settle()
    assert all(it.told == it.wanted() and not it.ended for it in others)


def test_another_past_ends_every_watcher(world: World) -> None:
    watchers = [live(world), world.join()]
    world.take([("restore", 0), ("commit", "a"), TELL])
    assert all(isinstance(it.ended, HistoryChanged) for it in watchers)
    assert all(it.told == [] for it in watchers)


@pytest.mark.parametrize("event", ["restore", "fail_over"])
def test_who_comes_while_the_past_changes_must_start_over(world: World, event: str) -> None:
    # They would be told nothing of what takes the place of the two events that are lost.
    world.take([("commit", "aaa")])
    world._meanwhile = [[(event, 2), ("commit", "bbb")]]
    with pytest.raises(HistoryChanged):
        world.join()


def test_what_was_read_of_another_past_is_told_to_nobody(world: World) -> None:
    world.take([("commit", "aaa")])
    live(world)
    # As many events, so that the newcomer stands where the one who is gone stood.
    anew = [[("restore", 3), ("join", "", None), READ]]
    world.take([("commit", "bbb"), ("turn", "tell", anew), ("commit", "c")])
    world.settle()
    assert world.watchers[-1].told == [world.past.newest]


def test_a_cursor_after_which_something_was_deleted_is_refused(world: World) -> None:
    live(world)
    world.take([("commit", "aaaa"), TELL, ("purge", 2)])
    with pytest.raises(CursorExpired):
        world.join("", world.history.revision(1))
    world.join("", world.history.revision(2))


def test_who_is_overtaken_by_deletion_is_ended(world: World) -> None:
    live(world)
    world.take([("commit", "a" * 9), TELL])
    watcher = world.join("", world.history.revision(0))
    world.settle()
    late = world.join("", world.history.revision(0))
    world.take([("turn", "read", [[("purge", 0)]])])
    assert isinstance(late.ended, CursorExpired)
    assert late.told == []
    assert not watcher.ended


def test_cursors_of_nowhere_are_refused(world: World) -> None:
    with pytest.raises(ForeignRevision):
        world.join("", world.history.revision(1))
    with pytest.raises(InvalidCursor):
        world.join("", "x")


def test_nobody_is_told_more_than_an_outbox_takes() -> None:
    joined = module._LITTLE + module._PAGE + module._RECENT
    assert max(joined, module._MUCH) + module._PAGE < watching._BACKLOG


class _Wakeup:
    def __init__(self) -> None:
        self._news = threading.Event()

    def start(self) -> None: ...

    def stop(self) -> None:
        self.hear()

    def hear(self) -> None:
        self._news.set()

    def wait(self, seconds: float) -> None:
        self._news.wait(seconds)
        self._news.clear()


@pytest.fixture
def running(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """One whose threads run by themselves."""
    monkeypatch.setattr(module, "_LOOK", 0.001)
    monkeypatch.setattr(module, "_HEARTBEAT", 0.01)
    world.stream._wakeup = _Wakeup()  # type: ignore[assignment]
    world.stream.start()
    yield world
    world.stream.stop()


def test_whoever_falls_behind_wakes_the_reader(running: World) -> None:
    watcher = running.join()
    wait_until(lambda: running.stream._live, "the join")
    running.take([("commit", "a" * 50)])
    wait_until(lambda: watcher.waiting > MUCH, "more than they read")

    def all_taken() -> bool:
        watcher.waiting = 0
        return len(watcher.told) == 50

    wait_until(all_taken, "the rest", 5)


def test_a_fault_is_got_over(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = World.reading
    faults: list[Any] = []

    @contextmanager
    def failing(world: World) -> Iterator[World]:
        if len(faults) < 2:
            faults.append(threading.current_thread().name)
            raise ValueError
        with reading(world) as connection:
            yield connection

    watcher = running.join()
    monkeypatch.setattr(World, "reading", failing)
    wait_until(lambda: len(faults) == 2, "the faults")
    running.take([("commit", "aaa")])
    wait_until(lambda: watcher.told == [1, 2, 3], "the news")


def test_a_database_that_hangs_does_not_keep_the_process_from_ending(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FAREWELL", 0.01)
    hanging, answered = threading.Event(), threading.Event()
    running.join()
    wait_until(lambda: running.stream._live, "the join")

    def meanwhile() -> None:
        hanging.set()
        answered.wait(30)

    monkeypatch.setattr(running, "meanwhile", meanwhile)
    hanging.wait(30)
    running.stream.stop()
    assert any(thread.is_alive() for thread in running.stream._threads)
    answered.set()
