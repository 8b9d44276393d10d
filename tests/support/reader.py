"""What a replica remembers of the policy, whose change feed reads only when a test says so."""

from typing import Any

from service.access.decisions import Decisions
from service.access.models import Check, Freshness
from service.access.policy import Policy
from service.kernel.clock import Clock
from service.storage.database import Database
from service.storage.feed import ChangeFeed
from service.wiring import Stores


class _Silence:
    """A wake-up that nobody hears."""

    def announce(self) -> None: ...


class Reader:
    """Decides from its own memory and connections; made after its first read."""

    def __init__(self, stores: Stores) -> None:
        self.clock = Clock()
        self.database = Database(stores.database_url, stores.ring, connections=4)
        self._feeds = Database(stores.database_url, stores.ring, connections=1)
        silence: Any = _Silence()
        self.feed = ChangeFeed(
            self._feeds,
            self.clock,
            silence,
            on_history=self.database.adopt,
            on_loss=self.database.reconnect,
        )
        self.policy = Policy(self.database, self.feed)
        self.decisions = Decisions(self.policy, self.database, self.feed, self.clock)
        self.feed.read()

    def allows(self, subject: str, permission: str, path: str) -> bool:
        """As far as it knows."""
        return self.decisions.allows(subject, permission, path)

    def allows_since(self, revision: str, subject: str, permission: str, path: str) -> bool:
        """At least as fresh as the revision."""
        check = Check(subject, permission, path)
        return self.decisions.decide([check], Freshness(revision))[0][0]

    def close(self) -> None:
        """Closes its connections."""
        self.database.dispose()
        self._feeds.dispose()
