"""How long to wait before the next attempt."""

import random

# Doubling any further is past every longest pause, and in the end past what a float can hold.
_DOUBLINGS = 16


def pause(first: float, longest: float, failures: int) -> float:
    """Seconds until the next attempt, after `failures` before this one.

    `first` doubled with each of them, `longest` at most; of that a random half to all, so that
    those who were cut off together do not come back together.
    """
    most = min(first * 2 ** min(failures, _DOUBLINGS), longest)
    return random.uniform(most / 2, most)  # noqa: S311 - jitter
