"""What one can do with the files there are; `uploads.py` makes new ones."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import structlog

from service.access.models import Freshness
from service.access.service import AccessService
from service.files.contents import Contents
from service.files.errors import FileChanged, FileDamaged, OffsetOutOfRange
from service.files.models import (
    UNKNOWN_TYPE,
    Download,
    File,
    FileDeleted,
    FileMoved,
    FileUpdated,
    Wanted,
)
from service.files.object_repository import ObjectRepository
from service.files.ranges import Range, place, ranges
from service.files.repository import FileRepository
from service.kernel import paths
from service.kernel.call import Call, Committed
from service.kernel.clock import Clock
from service.kernel.crypto import CannotOpen
from service.kernel.errors import InvalidArgument
from service.kernel.pages import weight
from service.kernel.updates import fields_to_change, take, told
from service.storage.database import Database
from service.storage.objects import PartMissing
from service.storage.pages import Page, Pager, PageRequest

_CHANGEABLE = ("content_type", "labels")
# Somebody who was granted very many files one by one has as many ranges. Each that is looked into
# is read until the page is full, so first a few are, and more while it is not.
_FEW_RANGES = 4
_MOST_RANGES = 1000

log = structlog.get_logger("gatehouse.files")


class FileService:
    """The files."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        pager: Pager,
        access: AccessService,
        contents: Contents,
    ) -> None:
        self._db = database
        self._clock = clock
        self._pager = pager
        self._access = access
        self._contents = contents

    def get(self, name: str) -> File:
        """The file as it is now. Raises FileNotFound."""
        with self._db.reading() as connection:
            return FileRepository(connection).get(name)

    def download(self, name: str, offset: int, length: int) -> Download:
        """The file, and `length` bytes of it (0: all) from `offset` on.

        Raises FileNotFound, OffsetOutOfRange; while the chunks are taken FileChanged, FileDamaged,
        StoreUnavailable.
        """
        file = self.get(name)
        size = file.content.size
        if offset > size:
            raise OffsetOutOfRange(name, size)
        end = min(size, offset + length) if length else size
        return Download(file, self._read(file, offset, end))

    def list(
        self, call: Call, parent: str, request: PageRequest, freshness: Freshness
    ) -> tuple[Page[File], str]:
        """A page of the files at or below `parent` (empty: all) that the caller may read, by place.

        Answers the revision, too. Raises InvalidPageToken, and as `AccessService.reach` does.
        """
        under = paths.check(f"/{parent}", field="parent") if parent else "/files"
        reached, revision = self._access.reach(
            call.principal.subject, "files.read", under, freshness
        )
        all_ranges = ranges(reached)

        def read(after: Sequence[str] | None, limit: int) -> list[File]:
            return _files_in(self._db, all_ranges, after[0] if after else "", limit)

        page = self._pager.page(
            request, read, lambda file: (file.name,), lambda file: weight(file.name, file.labels)
        )
        return page, revision

    def update(
        self, call: Call, wanted: Wanted, mask: Sequence[str], *, etag: str = ""
    ) -> Committed[File]:
        """Takes the fields that `mask` names from `wanted`.

        Raises FileNotFound, EtagMismatch, InvalidUpdateMask.
        """
        populated = [name for name in _CHANGEABLE if getattr(wanted, name)]
        fields = fields_to_change(mask, _CHANGEABLE, populated)
        wanted = replace(wanted, content_type=wanted.content_type or UNKNOWN_TYPE)
        with self._db.transaction(call) as tx:
            files = FileRepository(tx.connection)
            file = files.get_for_update(wanted.name)
            file.require_etag(etag)
            before = take(file, wanted, fields)
            if before:
                file.update_time = self._clock.now()
                files.update(file)
                tx.record(FileUpdated(file.name, told(before, file, {"content_type"})))
            return tx.commit(file)

    def move(self, call: Call, name: str, destination: str, *, etag: str = "") -> Committed[File]:
        """Gives the file another name; its content stays where it is.

        Raises PermissionMissing before FileNotFound, EtagMismatch, NameTaken.
        """
        # The name that was sent may have grown, where it said `users/me`.
        paths.check(f"/{destination}", field="destination")
        # By moving it to where they may read, they would read it.
        self._access.require(call.principal, permission="files.read", path=f"/{name}")
        self._access.require(call.principal, permission="files.write", path=f"/{destination}")
        if name == destination:
            raise InvalidArgument.field("destination", "must be another name")
        with self._db.transaction(call) as tx:
            files = FileRepository(tx.connection)
            file = files.get_for_update(name)
            file.require_etag(etag)
            file.name = destination
            file.update_time = self._clock.now()
            files.update(file, was=name)
            tx.record(FileMoved(name, {"destination": destination}))
            return tx.commit(file)

    def delete(self, call: Call, name: str, *, etag: str = "") -> Committed[None]:
        """Deletes the file; its content is deleted from the store later.

        Raises FileNotFound, EtagMismatch.
        """
        with self._db.transaction(call) as tx:
            files = FileRepository(tx.connection)
            file = files.get_for_update(name)
            file.require_etag(etag)
            files.delete(name)
            ObjectRepository(tx.connection).discard(file.content)
            tx.record(FileDeleted(name, {"before": file.shown}))
            return tx.commit(None)

    def _read(self, file: File, offset: int, end: int) -> Iterator[memoryview]:
        try:
            yield from self._contents.reader(file.content, offset, end)
        except (PartMissing, CannotOpen) as error:
            with self._db.reading() as connection:
                if not ObjectRepository(connection).is_stored(file.content.object_id):
                    raise FileChanged(file.name) from None
            log.error("a file's content is damaged", file=file.name, why=str(error))
            raise FileDamaged(file.name) from error


def _files_in(
    database: Database, all_ranges: Sequence[Range], after: str, limit: int
) -> list[File]:
    left = [one for one in all_ranges if one[1] > place(after)]
    found: list[File] = []
    with database.reading() as connection:
        files = FileRepository(connection)
        first, many = 0, _FEW_RANGES
        while first < len(left) and len(found) < limit:
            found += files.list(left[first : first + many], after, limit - len(found))
            first, many = first + many, min(2 * many, _MOST_RANGES)
    return found
