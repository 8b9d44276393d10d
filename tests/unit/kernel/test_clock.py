"""The clock is the database's."""

from datetime import UTC, datetime, timedelta
from time import time

import pytest

from service.kernel.clock import Clock

HOUR = timedelta(hours=1)


def test_the_clock_follows_database_time() -> None:
    clock = Clock()
    here = time()
    clock.follow(datetime.fromtimestamp(here, UTC) + HOUR, sent=here, received=here)
    assert abs(clock.timestamp() - time() - 3600) < 60
    assert abs(clock.now() - datetime.now(UTC) - HOUR) < timedelta(minutes=1)


def test_half_of_the_trip_is_allowed_for() -> None:
    clock = Clock()
    clock.follow(datetime.fromtimestamp(1000.0, UTC), sent=880.0, received=900.0)
    assert clock._offset == 110.0


@pytest.mark.parametrize(("sent", "received"), [(890.0, 890.0), (870.0, 891.0), (889.0, 1000.0)])
def test_a_read_that_agrees_leaves_the_clock_as_it_is(sent: float, received: float) -> None:
    clock = Clock()
    clock._offset = 110.0
    clock.follow(datetime.fromtimestamp(1000.0, UTC), sent=sent, received=received)
    assert clock._offset == 110.0


def test_the_time_is_aware_and_in_utc() -> None:
    assert Clock().now().tzinfo is UTC
