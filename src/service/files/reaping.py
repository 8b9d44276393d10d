"""Deleting from the store what no file's content is any more, or never came to be."""

from uuid import UUID

from service.files.contents import Contents
from service.files.object_repository import ObjectRepository
from service.kernel.call import Call
from service.storage.database import Database

_AT_ONCE = 100


class Reaper:
    """Reaps. Killed anywhere, the next one goes on where it was; two at once do no harm."""

    def __init__(self, database: Database, contents: Contents) -> None:
        self._db = database
        self._contents = contents

    def reap(self) -> int:
        """Deletes what is due, and answers how many objects. Raises Unavailable."""
        with self._db.transaction(Call.internal("reap")) as tx:
            ObjectRepository(tx.connection).give_up_stale()
            tx.commit(None)
        reaped = 0
        while object_ids := self._due():
            for object_id in object_ids:
                self._contents.delete(object_id)
            with self._db.transaction(Call.internal("reap")) as tx:
                ObjectRepository(tx.connection).forget(object_ids)
                tx.commit(None)
            reaped += len(object_ids)
        return reaped

    def _due(self) -> list[UUID]:
        with self._db.reading() as connection:
            return ObjectRepository(connection).due(_AT_ONCE)
