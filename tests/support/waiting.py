"""Waiting for what must come true, and no longer."""

import time
from collections.abc import Callable

_PATIENCE = 30.0
_PAUSE = 0.005


def wait_until(
    condition: Callable[[], object], what: str = "it", seconds: float = _PATIENCE
) -> None:
    """Returns once the condition holds; fails when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds} s"
        time.sleep(_PAUSE)
