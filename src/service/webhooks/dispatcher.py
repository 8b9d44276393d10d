"""Follows the events, and has each made into deliveries."""

import threading

import structlog

from service.kernel.errors import GatehouseError
from service.storage.wakeup import Wakeup
from service.webhooks.deliveries import Deliveries
from service.webhooks.sender import Sender

log = structlog.get_logger("gatehouse.webhooks")

_POLL = 1.0
# Under load the events of this time are taken together, rather than each by a transaction.
_PAUSE = 0.02
_PATIENCE = 3.0


class Dispatcher:
    """Makes deliveries in a thread of its own, and has the sender look; `start`, `stop` once."""

    def __init__(self, deliveries: Deliveries, sender: Sender, news: Wakeup) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._news = news
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook-dispatcher", daemon=True)

    def start(self) -> None:
        """Starts following."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after what it is at."""
        self._stopping.set()
        self._news.hear()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                while self._deliveries.fill() and not self._stopping.is_set():
                    self._sender.look()
            except GatehouseError as error:
                log.warning("events are not dispatched", why=str(error))
            except Exception:
                log.exception("dispatching")
            # Also when there were none: it may be news of what is to be sent again.
            self._sender.look()
            self._stopping.wait(_PAUSE)
            self._news.wait(_POLL)
