"""The sending of webhooks, put together over the stores."""

from service.events.service import EventService
from service.kernel.clock import Clock
from service.settings import Settings
from service.storage.database import Database
from service.storage.feed import ChangeFeed
from service.storage.pages import Pager
from service.storage.redis import create_redis
from service.storage.wakeup import CHANGES, EVENTS, Wakeup
from service.webhooks.dispatcher import Dispatcher
from service.webhooks.outbox import Outbox
from service.webhooks.sender import Sender
from service.wiring.stores import Stores

# For the dispatcher, and each thread of the sender that asks.
_DATABASE_CONNECTIONS = 4
# For each of two wake-ups to listen and to tell.
_REDIS_CONNECTIONS = 4


class WebhookWork:
    """The dispatcher, the sender and what they stand on; `start` and `stop` once each."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        ring, clock = stores.ring, Clock()
        self._redis = create_redis(stores.redis_url, pool_size=_REDIS_CONNECTIONS)
        self._database = Database(stores.database_url, ring, connections=_DATABASE_CONNECTIONS)
        self._feed_database = Database(stores.database_url, ring, connections=1)
        # Nobody follows it here, but the clock does, and the database knows when it is another one.
        self.feed = ChangeFeed(
            self._feed_database,
            clock,
            Wakeup(self._redis, CHANGES),
            on_history=self._database.adopt,
            on_loss=self._database.reconnect,
        )
        news = Wakeup(self._redis, EVENTS)
        self._database.announce_events = news.announce
        events = EventService(self._database, Pager(ring))
        outbox = Outbox(self._database, ring, clock, events, issuer=settings.issuer)
        self._sender = Sender(outbox, allow_private=settings.webhook_allow_private)
        self._dispatcher = Dispatcher(outbox, self._sender, news)

    def start(self) -> None:
        """Starts sending. Raises Unavailable when PostgreSQL is away."""
        self.feed.start()
        self._database.require_there = self.feed.require_trust
        self._sender.start()
        self._dispatcher.start()

    def stop(self) -> None:
        """Lets what is on its way arrive, for a few seconds, and closes every connection."""
        self._dispatcher.stop()
        self._sender.stop()
        self.feed.stop()
        self._database.dispose()
        self._feed_database.dispose()
        self._redis.close()
