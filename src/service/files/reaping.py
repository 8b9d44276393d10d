"""Deleting from the store what no file's content is any more, or never came to be."""

from collections.abc import Iterator
from itertools import takewhile
from time import monotonic
from uuid import UUID, uuid4

import structlog

from service.files.object_repository import Due, ObjectRepository
from service.kernel.call import Call
from service.kernel.errors import StorageFull
from service.storage.database import Database
from service.storage.objects import ObjectStore, StoreUnavailable

_AT_ONCE = 100
# It is called each minute: so the one before is over then, without a lock that a killed one keeps.
_SECONDS = 50.0

log = structlog.get_logger("gatehouse.files")


class ObjectsLeft(Exception):
    """Some objects are due and cannot be deleted; the log names them."""

    def __init__(self, objects: int) -> None:
        super().__init__(f"{objects} objects cannot be deleted")


class Reaper:
    """Reaps. Killed anywhere, the next one goes on where it was; two at once do no harm."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._db = database
        self._store = store

    def reap(self) -> int:
        """Deletes what is due, for 50 seconds at most, and answers how many objects.

        Raises ObjectsLeft at the end when there were some that do not go, and Unavailable as soon
        as the store or the database is away. What is gone is forgotten in any case.
        """
        end = monotonic() + _SECONDS
        with self._db.transaction(Call.internal("reap")) as tx:
            ObjectRepository(tx.connection).give_up_stale()
            tx.commit(None)
        reaped = left = 0
        for some in takewhile(lambda _: monotonic() < end, self._pages()):
            gone: list[UUID] = []
            try:
                for it in takewhile(lambda _: monotonic() < end, some):
                    if self._delete(it):
                        gone.append(it.id)
                    else:
                        left += 1
            finally:
                self._forget(gone)
            reaped += len(gone)
        if left:
            raise ObjectsLeft(left)
        return reaped

    def _pages(self) -> Iterator[list[Due]]:
        after = None
        while True:
            with self._db.reading() as connection:
                page = ObjectRepository(connection).due(after, _AT_ONCE)
            if not page:
                return
            yield page
            after = page[-1]

    def _delete(self, due: Due) -> bool:
        """Whether it is gone. Raises StoreUnavailable when nothing can be deleted."""
        if due.has_file:
            log.error("a file's content is not deleted, though due", object=str(due.id))
            return False
        try:
            self._store.delete(due.id)
        except (StoreUnavailable, StorageFull) as error:
            self._store.delete(uuid4())  # there is none: it fails if the whole store does
            why = str(error.__cause__ or error).partition("\n")[0]
            log.error("an object cannot be deleted", object=str(due.id), why=why)
            return False
        return True

    def _forget(self, object_ids: list[UUID]) -> None:
        with self._db.transaction(Call.internal("reap")) as tx:
            ObjectRepository(tx.connection).forget(object_ids)
            tx.commit(None)
