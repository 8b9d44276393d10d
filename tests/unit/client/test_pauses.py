"""How long clients wait before they try again, however often they have failed."""

import pytest

from gatehouse_client.pauses import pause


@pytest.mark.parametrize(
    ("failures", "most"), [(0, 0.5), (1, 1.0), (3, 4.0), (5, 10.0), (1024, 10.0), (5000, 10.0)]
)
def test_each_pause_is_twice_as_long_as_the_last_up_to_the_longest(
    failures: int, most: float
) -> None:
    assert all(most / 2 <= pause(0.5, 10.0, failures) <= most for _ in range(100))


def test_those_who_failed_together_do_not_come_back_together() -> None:
    assert len({pause(0.5, 10.0, 5000) for _ in range(100)}) > 90
