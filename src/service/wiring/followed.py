"""The stores as a process has them: with connections, and followed, so that it learns of others."""

from service.kernel.clock import Clock
from service.storage.database import Database
from service.storage.feed import ChangeFeed
from service.storage.redis import create_redis
from service.storage.wakeup import CHANGES, EVENTS, Wakeup
from service.wiring.stores import Stores


class FollowedStores:
    """PostgreSQL and Redis, and what follows them: `start` and `stop` once each."""

    def __init__(
        self, stores: Stores, *, database_connections: int, redis_connections: int
    ) -> None:
        self.ring = stores.ring
        self.clock = Clock()
        self.redis = create_redis(stores.redis_url, pool_size=redis_connections)
        self.database = Database(stores.database_url, stores.ring, connections=database_connections)
        # The feed has a connection of its own: trust must not wait behind calls.
        self._feed_database = Database(stores.database_url, stores.ring, connections=1)
        self.feed = ChangeFeed(
            self._feed_database,
            self.clock,
            Wakeup(self.redis, CHANGES),
            on_history=self.database.adopt,
            on_loss=self.database.reconnect,
        )
        self.news_of_events = Wakeup(self.redis, EVENTS)
        self.database.announce = self.feed.announce
        self.database.announce_events = self.news_of_events.announce

    def start(self) -> None:
        """Follows the database from now on. Raises Unavailable when PostgreSQL is away."""
        self.feed.start()
        self.database.require_there = self.feed.require_trust
        self.news_of_events.start()

    def stop(self) -> None:
        """Ends that, and closes every connection."""
        self.news_of_events.stop()
        self.feed.stop()
        self.database.dispose()
        self._feed_database.dispose()
        self.redis.close()
