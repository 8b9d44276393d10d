"""The housekeeping that the queue does by the clock."""

import procrastinate
import structlog

from service.files.reaping import ObjectsLeft, Reaper
from service.jobs.archiving import EventArchiver
from service.kernel.errors import GatehouseError, Unavailable
from service.storage.database import Database
from service.storage.retention import purge

log = structlog.get_logger("gatehouse.housekeeping")

_EVERY_MINUTE = "* * * * *"
_EVERY_TEN_MINUTES = "*/10 * * * *"
_EVERY_HOUR = "23 * * * *"


def add_housekeeping(queue: procrastinate.App, database: Database, reaper: Reaper) -> None:
    """Adds the periodic tasks; of several workers, one does each."""

    @queue.periodic(cron=_EVERY_TEN_MINUTES)
    @queue.task(name="purge", queueing_lock="purge", pass_context=False)
    def purge_old(timestamp: int) -> None:  # noqa: ARG001 - every periodic task is given it
        deleted = purge(database)
        if any(deleted.values()):
            log.info("purged", **deleted)

    @queue.periodic(cron=_EVERY_MINUTE)
    @queue.task(name="reap", queueing_lock="reap", pass_context=False)
    def reap_objects(timestamp: int) -> None:  # noqa: ARG001 - every periodic task is given it
        try:
            objects = reaper.reap()
        except (ObjectsLeft, Unavailable) as error:  # faults of no code: a line, and no stack
            log.error("not all was reaped", why=str(error))
        else:
            if objects:
                log.info("reaped", objects=objects)


def add_archiving(queue: procrastinate.App, archiver: EventArchiver) -> None:
    """Adds the export of old events."""

    @queue.periodic(cron=_EVERY_HOUR)
    @queue.task(name="archive", queueing_lock="archive", pass_context=False)
    def archive_events(timestamp: int) -> None:  # noqa: ARG001 - every periodic task is given it
        try:
            exported, deleted = archiver.run()
        except GatehouseError as error:  # a fault of no code: a line, and no stack
            log.error("not all events were archived", why=str(error))
        else:
            if exported or deleted:
                log.info("archived", exported=exported, deleted=deleted)
