"""What watchers are told, when, and when they are told nothing."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.auth import revocation_stream
from service.auth.revocation_stream import RevocationStream
from service.kernel.changes import Change, ChangeKind
from service.kernel.errors import Unavailable
from service.storage.revision import History, HistoryChanged
from tests.support.waiting import wait_until

LATER = datetime.now(UTC) + timedelta(hours=1)


class House:
    """The stream's surroundings: database, feed and revocations in one, and played by hand."""

    def __init__(self) -> None:
        self.history = History(1, 1, 1)
        self.away = False
        self.looked = 0
        self.known: list[Change] = []
        self.position = 0

    @property
    def current(self) -> bool:
        self.looked += 1
        return not self.away

    def follow(self, follower: Any) -> None:
        self.follower = follower

    def tell_in_order(self, hear: Callable[[Sequence[Change], int], None]) -> None:
        self._hear = hear

    def require_trust(self) -> None:
        if self.away:
            raise Unavailable("away")

    def read(self) -> None: ...

    def living(self) -> list[Change]:
        return self.known

    def commit(self, *changes: tuple[ChangeKind, str]) -> None:
        read = []
        for kind, key in changes:
            self.position += 1
            read.append(Change(kind, key, LATER, self.position))
        self._hear(read, self.position)

    def begin(self) -> None:
        self.follower.forget()
        self._hear([], self.position)


class Watcher:
    def __init__(self) -> None:
        self.told: list[list[str]] = []
        self.revisions: list[str] = []
        self.ended: Exception | None = None
        self.reading = threading.Event()
        self.reading.set()

    def tell(self, revocations: Sequence[Change], cursor: str, revision: str) -> None:
        self.reading.wait()
        self.told.append([it.key for it in revocations])
        self.revisions.append(revision)

    def end(self, error: Exception) -> None:
        self.ended = error

    @property
    def heard(self) -> list[str]:
        return [key for keys in self.told for key in keys]


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def stream(house: House) -> Iterator[RevocationStream]:
    made = RevocationStream(house, house, house)  # type: ignore[arg-type]
    house.begin()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def watcher(stream: RevocationStream) -> Watcher:
    made = Watcher()
    stream.watch(made, "")
    return made


def logout(number: int) -> tuple[ChangeKind, str]:
    return ChangeKind.SESSION_REVOKED, f"sessions/{number}"


def test_many_changes_become_few_messages_and_none_is_lost(house: House, watcher: Watcher) -> None:
    # The teller is held up in its first message while the others come in.
    watcher.reading.clear()
    house_is_told = threading.Thread(
        target=lambda: [house.commit(logout(number)) for number in range(500)]
    )
    house_is_told.start()
    watcher.reading.set()
    house_is_told.join()
    wait_until(lambda: len(watcher.heard) == 500, "all of them")
    assert watcher.heard == [f"sessions/{number}" for number in range(500)]
    assert len(watcher.told) < 100


def test_a_change_of_policy_moves_the_revision(house: House, watcher: Watcher) -> None:
    before = watcher.revisions[-1]
    house.commit((ChangeKind.GRANTS, "users/1 /"))
    wait_until(lambda: watcher.revisions[-1] != before, "the revision")


@pytest.mark.parametrize("kind", [it for it in ChangeKind if it not in revocation_stream._NEUTRAL])
def test_every_kind_but_a_few_may_change_a_decision(
    house: House, watcher: Watcher, kind: ChangeKind
) -> None:
    before = watcher.revisions[-1]
    house.commit((kind, "key"))
    wait_until(lambda: watcher.revisions[-1] != before, "the revision")


def test_what_changes_no_decision_leaves_the_revision(house: House, watcher: Watcher) -> None:
    house.commit((ChangeKind.SIGNING_KEYS, "key"), (ChangeKind.USER, "users/1"), logout(1))
    wait_until(lambda: watcher.heard == ["sessions/1"], "the news")
    assert len(set(watcher.revisions)) == 1


def test_there_are_no_beats_while_postgres_is_away(
    house: House, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation_stream, "_HEARTBEAT", 0.005)
    house.commit(logout(1))
    wait_until(lambda: len(watcher.told) > 3, "beats")
    house.away = True
    looked = house.looked
    wait_until(lambda: house.looked > looked + 2, "it would have beaten")
    told = len(watcher.told)
    wait_until(lambda: house.looked > looked + 6, "it would have beaten again")
    assert len(watcher.told) == told


def test_nobody_begins_to_watch_while_postgres_is_away(
    house: House, stream: RevocationStream
) -> None:
    house.away = True
    with pytest.raises(Unavailable):
        stream.watch(Watcher(), "")


def test_another_history_ends_every_watcher(
    house: House, stream: RevocationStream, watcher: Watcher
) -> None:
    house.begin()
    assert isinstance(watcher.ended, HistoryChanged)
    house.commit(logout(1))
    again = Watcher()
    stream.watch(again, "")
    house.commit(logout(2))
    wait_until(lambda: again.heard == ["sessions/2"], "the news")
    assert watcher.heard == []


def test_a_new_watcher_hears_nothing_twice(house: House, stream: RevocationStream) -> None:
    house.known = [Change(ChangeKind.SESSION_REVOKED, "sessions/1", LATER, 1)]
    house.commit(logout(1))
    late = Watcher()
    stream.watch(late, "")
    house.commit(logout(2))
    wait_until(lambda: "sessions/2" in late.heard, "the news")
    assert late.heard == ["sessions/1", "sessions/2"]


def test_a_cursor_counts_what_no_message_told_of(house: House, stream: RevocationStream) -> None:
    house.commit((ChangeKind.USER, "users/1"))
    stream.watch(Watcher(), house.history.revision(house.position))
