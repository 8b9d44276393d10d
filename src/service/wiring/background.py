"""The background work: what `gatehouse worker` runs, and embedded mode within `serve`."""

from service.files.reaping import Reaper
from service.jobs.housekeeping import add_housekeeping
from service.jobs.queue import Worker, create_queue
from service.settings import Settings
from service.storage.database import Database
from service.wiring.services import object_store_of
from service.wiring.stores import Stores


class BackgroundWork:
    """The worker and its tasks, with connections of their own; `start` and `stop` once each."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._database = Database(stores.database_url, stores.ring, connections=2)
        store = object_store_of(settings)
        queue = create_queue(stores.database_url)
        add_housekeeping(queue, self._database, Reaper(self._database, store))
        self._worker = Worker(queue)

    def start(self) -> None:
        """Starts working the queue off."""
        self._worker.start()

    def stop(self) -> None:
        """Lets what is running end."""
        self._worker.stop()
        self._database.dispose()
