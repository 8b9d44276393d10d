"""Which refusals are worth an event: the first of each kind in a minute.

A leaked key that was revoked is tried by whoever found it, and a service that missed its key's end
tries again and again; so does whoever is throttled. None of them may fill the audit trail, nor keep
writers waiting.
"""

import threading
from collections import OrderedDict

from service.kernel.clock import Clock

_EVERY = 60.0
_REMEMBERED = 10_000


class RefusalsTold:
    """The keys, accounts and addresses whose refusal was told lately, by this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def is_first(self, key: str) -> bool:
        """Whether no refusal of this one was told in the last minute; then this one is."""
        now = self._clock.timestamp()
        with self._lock:
            if now - self._told.get(key, 0.0) < _EVERY:
                return False
            self._told[key] = now
            self._told.move_to_end(key)
            if len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)
            return True
