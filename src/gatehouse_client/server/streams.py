"""Streams that are open, so that those of a revoked caller can be ended."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable

from gatehouse_client.server.caller import Caller


class OpenStreams:
    """Who has which streams open. Safe to use from any thread."""

    def __init__(self) -> None:
        self._ends: defaultdict[str, set[Callable[[], object]]] = defaultdict(set)
        self._lock = threading.Lock()

    def opened(self, caller: Caller, end: Callable[[], object]) -> Callable[[], None]:
        """Has `end` called when the caller is revoked; the answer, called, forgets the stream."""
        names = names_of(caller)
        with self._lock:
            for name in names:
                self._ends[name].add(end)
        return lambda: self._forget(names, end)

    def end(self, names: Iterable[str]) -> None:
        """Ends the streams of these sessions, subjects and token ids."""
        with self._lock:
            ends = {end for name in names for end in self._ends.get(name, ())}
        for end in ends:
            end()

    def _forget(self, names: Iterable[str], end: Callable[[], object]) -> None:
        with self._lock:
            for name in names:
                self._ends[name].discard(end)
                if not self._ends[name]:
                    del self._ends[name]


def names_of(caller: Caller) -> tuple[str, str, str]:
    """What can be revoked of a caller; their forms differ: `sessions/…`, `users/…`, a UUID."""
    return caller.session, caller.subject, caller.token_id
