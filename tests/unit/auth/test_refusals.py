"""Refusals of one key are told once in a minute."""

from service.auth.refusals import RefusalsTold
from service.kernel.clock import Clock


class Moved(Clock):
    """A clock that a test moves."""

    time = 1e9

    def timestamp(self) -> float:
        return self.time


def test_the_first_of_each_key_in_a_minute_is_told() -> None:
    clock = Moved()
    told = RefusalsTold(clock)
    assert [told.is_first(key) for key in ("a", "a", "b", "a")] == [True, False, True, False]
    clock.time += 59.9
    assert not told.is_first("a")
    clock.time += 0.2
    assert [told.is_first(key) for key in ("a", "a")] == [True, False]


def test_it_remembers_only_so_many() -> None:
    told = RefusalsTold(Moved())
    for number in range(20_000):
        told.is_first(str(number))
    assert len(told._told) == 10_000
    assert not told.is_first("19999")
    assert told.is_first("0")
