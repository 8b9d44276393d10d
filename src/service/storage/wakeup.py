"""Redis' part in following the history: it says "look now", and need not be heard."""

import threading
from time import sleep

import redis
import structlog

# There is news of what was decided, and there is news for the audit trail.
CHANGES = "gatehouse:changes"
EVENTS = "gatehouse:events"
_RECONNECT = 1.0

log = structlog.get_logger("gatehouse.wakeup")


class Wakeup:
    """Lets a thread wait for news from this process or, through Redis, from any other."""

    def __init__(self, client: redis.Redis, channel: str) -> None:
        self._client = client
        self._channel = channel
        self._news = threading.Condition()
        self._heard = False
        self._to_tell = False
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._listen, name="wakeup-listen", daemon=True),
            threading.Thread(target=self._tell, name="wakeup-tell", daemon=True),
        ]

    def start(self) -> None:
        """Starts listening and telling, each in a thread of its own."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends both threads; the listener notices within its read timeout."""
        with self._news:
            self._stopping = True
            self._news.notify_all()

    def announce(self) -> None:
        """Wakes this process and, without waiting for Redis, the others."""
        with self._news:
            self._heard = self._to_tell = True
            self._news.notify_all()

    def hear(self) -> None:
        """Wakes whoever waits in this process."""
        with self._news:
            self._heard = True
            self._news.notify_all()

    def wait(self, seconds: float) -> None:
        """Returns on news, or after `seconds`."""
        with self._news:
            self._news.wait_for(lambda: self._heard or self._stopping, seconds)
            self._heard = False

    def _tell(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._to_tell or self._stopping)
                if self._stopping:
                    return
                self._to_tell = False
            try:
                self._client.publish(self._channel, b"")
            except (redis.RedisError, OSError, ValueError) as error:  # ValueError: closed meanwhile
                log.debug("no wake-up sent", why=str(error))

    def _listen(self) -> None:
        while not self._stopping:
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    pubsub.subscribe(self._channel)
                    while not self._stopping:
                        if pubsub.get_message(timeout=_RECONNECT):
                            self.hear()
            except (redis.RedisError, OSError, ValueError) as error:
                log.debug("not listening for wake-ups", why=str(error))
                sleep(_RECONNECT)
