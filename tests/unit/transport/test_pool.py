"""A pool counts what it carries, so that it can say when it is full."""

import threading
from collections.abc import Iterator

import pytest

from service.transport.pool import CallPool
from tests.support.waiting import wait_until


@pytest.fixture
def pool() -> Iterator[CallPool]:
    made = CallPool("p", threads=1, limit=2)
    yield made
    made.shutdown()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_waiting_calls_count_as_carried(pool: CallPool, gate: threading.Event) -> None:
    pool.submit(gate.wait)
    assert not pool.full
    pool.submit(gate.wait)
    wait_until(lambda: (pool.carried, pool.full) == (2, True))


def test_a_call_that_is_done_is_carried_no_longer(pool: CallPool) -> None:
    done = threading.Event()
    pool.submit(done.set)
    assert done.wait(5)
    wait_until(lambda: pool.carried == 0)


def test_a_call_that_fails_is_carried_no_longer(pool: CallPool) -> None:
    pool.submit(lambda: 1 / 0)
    done = threading.Event()
    pool.submit(done.set)
    assert done.wait(5), "the thread goes on"
    wait_until(lambda: pool.carried == 0)


def test_a_pool_may_be_filled_beyond_its_limit_but_says_so(
    pool: CallPool, gate: threading.Event
) -> None:
    for _ in range(5):
        pool.submit(gate.wait)
    wait_until(lambda: (pool.carried, pool.full) == (5, True))
