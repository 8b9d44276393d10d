"""Any interleaving of commits, joins, leaves and reads: no gap, no repetition, no lie."""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from service.events import stream as module
from service.events.stream import EventStream, _Place
from tests.unit.events.surroundings import Step, small_world

_TURNS = 3


def history(chance: Random, length: int = 80, depth: int = 2) -> list[Step]:
    """What happens, most of it ordinary."""

    def one() -> Step:
        who = chance.randrange(6)
        [name] = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        return {
            "commit": ("commit", "".join(chance.choices("ab", k=chance.randint(1, 8)))),
            "join": ("join", chance.choice(["", "", "a", "c"]), chance.choice([None, who, 20])),
            "receive": ("receive", who, chance.randint(1, 8)),
            "turn": ("turn", chance.choice(["tell", "read"]), meanwhile()),
            "leave": ("leave", who),
            "change": ("change",),
            "pass": ("pass", chance.choice([0.5, 1.0, 20.0])),
            "purge": ("purge", who),
            "fail": ("fail",),
            "recover": ("recover",),
            "restore": ("restore", who),
            "fail_over": ("fail_over", who),
        }[name]

    def meanwhile() -> list[list[Step]]:
        """What happens during each of its reads."""
        if not depth:
            return []
        return [history(chance, chance.randint(0, 3), depth - 1) for _ in range(_TURNS)]

    return [one() for _ in range(length)]


_WEIGHTS = {
    "commit": 20,
    "join": 10,
    "receive": 20,
    "turn": 40,
    "leave": 3,
    "change": 3,
    "pass": 4,
    "purge": 1,
    "fail": 1,
    "recover": 3,
    "restore": 0.5,
    "fail_over": 0.5,
}


def play(steps: list[Step]) -> None:
    with small_world() as world:
        world.take(steps)
        world.settle()
        for watcher in world.watchers:
            if not watcher.ended:
                assert watcher.past is world.past, "it watches a past that is no more"
                assert watcher.told == watcher.wanted()


@pytest.mark.parametrize("tenth", range(10))
def test_everybody_is_told_everything_once_in_its_order(tenth: int) -> None:
    for number in range(20):
        play(history(Random(20 * tenth + number)))


def what_was_told_meanwhile_is_not_told_on_joining(patch: pytest.MonkeyPatch) -> None:
    class Forgetful(deque[Any]):
        def __iter__(self) -> Any:
            return iter(())

    patch.setattr(module, "deque", Forgetful)


def it_is_not_looked_at_what_was_told_already(patch: pytest.MonkeyPatch) -> None:
    def tell(self: _Place, events: Any) -> None:
        for event in events:
            self.position = event.position
            if self.which.takes(event):
                self.watcher.tell(event)

    patch.setattr(_Place, "tell", tell)


def a_beat_has_the_cursor_of_what_was_read(patch: pytest.MonkeyPatch) -> None:
    def reassure(self: _Place) -> None:
        self.watcher.reassure(self.history.revision(self.newest))

    patch.setattr(_Place, "reassure", reassure)


def whoever_watches_another_past_goes_on(patch: pytest.MonkeyPatch) -> None:
    def forget(self: EventStream) -> None:
        self._history = self._db.history

    patch.setattr(EventStream, "forget", forget)


def there_is_no_falling_behind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EventStream, "_fall_behind", lambda self, place: None)


@pytest.mark.parametrize(
    "sabotage",
    [
        what_was_told_meanwhile_is_not_told_on_joining,
        it_is_not_looked_at_what_was_told_already,
        a_beat_has_the_cursor_of_what_was_read,
        whoever_watches_another_past_goes_on,
        there_is_no_falling_behind,
    ],
)
def test_it_would_be_noticed_if(
    monkeypatch: pytest.MonkeyPatch, sabotage: Callable[[pytest.MonkeyPatch], None]
) -> None:
    sabotage(monkeypatch)
    histories = (history(Random(number)) for number in range(300))
    with pytest.raises(AssertionError):
        list(map(play, histories))
