"""What a process remembers of PostgreSQL: small, bounded, and dropped by the change feed."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Generic, TypeVar

from service.kernel.changes import Change, ChangeKind
from service.storage.feed import ChangeFeed

V = TypeVar("V")


class FollowingCache(Generic[V]):
    """Loads a value by key on demand and keeps it until the feed says that the key changed.

    A load that a change overtakes is answered but not kept. Nothing is answered from memory while
    the feed may not be trusted.
    """

    def __init__(
        self, feed: ChangeFeed, kind: ChangeKind, load: Callable[[str], V], *, size: int
    ) -> None:
        self._feed = feed
        self._kind = kind
        self._load = load
        self._size = size
        self._entries: OrderedDict[str, V] = OrderedDict()
        self._loading: dict[str, object] = {}
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0
        feed.follow(self)

    def get(self, key: str) -> V:
        """The value of `key`. Raises what loading raises, and Unavailable without trust."""
        if monotonic() > self._feed.trusted_until:
            self._feed.require_trust()
        try:
            value = self._entries[key]
        except KeyError:
            return self._miss(key)
        self.hits += 1
        return value

    def _miss(self, key: str) -> V:
        token = object()
        with self._lock:
            self.misses += 1
            self._loading[key] = token
        try:
            value = self._load(key)
        except Exception:
            with self._lock:
                if self._loading.get(key) is token:
                    del self._loading[key]
            raise
        with self._lock:
            # Another load or a change that came in between took the token away.
            if self._loading.get(key) is token:
                del self._loading[key]
                self._entries[key] = value
                if len(self._entries) > self._size:
                    self._entries.popitem(last=False)
        return value

    def apply(self, changes: Sequence[Change]) -> None:
        """Drops what the changes touched."""
        with self._lock:
            for change in changes:
                if change.kind is self._kind:
                    self._loading.pop(change.key, None)
                    self._entries.pop(change.key, None)

    def forget(self) -> None:
        """Drops everything."""
        with self._lock:
            self._loading.clear()
            self._entries.clear()
