"""What several domains' races need."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.house import House
from tests.support.waiting import wait_until

_WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"


@pytest.fixture
def meanwhile(gatehouse: House) -> Iterator[Callable[..., Future[Any]]]:
    """Begins something in a thread, and returns once it is done or one more waits for a lock."""
    with ThreadPoolExecutor() as threads:

        def begin(work: Callable[[], object]) -> Future[object]:
            already = len(gatehouse.sql(_WAITING))
            begun = threads.submit(work)
            wait_until(
                lambda: begun.done() or len(gatehouse.sql(_WAITING)) > already,
                "the wait for the lock",
            )
            return begun

        yield begin
