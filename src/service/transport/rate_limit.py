"""How often a caller may call: a bucket for each subject, in this process.

A trip to Redis would cost more than most calls; with n replicas a caller gets n times the rate.
"""

import threading
from collections import OrderedDict
from time import monotonic

from service.kernel.errors import ResourceExhausted
from service.kernel.reasons import ErrorReason

_REMEMBERED = 100_000


class RateLimited(ResourceExhausted):
    """The caller calls too often."""

    reason = ErrorReason.RATE_LIMITED


class RateLimiter:
    """Token buckets that hold `count` and are filled again in `seconds`."""

    def __init__(self, *, count: int, seconds: float) -> None:
        self._count = float(count)
        self._per_second = count / seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, subject: str) -> None:
        """Takes one. Raises RateLimited with the time until there is one again."""
        now = monotonic()
        with self._lock:
            left, since = self._buckets.pop(subject, (self._count, now))
            left = min(self._count, left + (now - since) * self._per_second)
            admitted = left >= 1.0
            self._buckets[subject] = (left - 1.0 if admitted else left, now)
            if len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)
        if not admitted:
            wait = (1.0 - left) / self._per_second
            raise RateLimited("You call too often; wait before the next call.", wait)
