"""Uploading: nothing of a file is there until all of it is.

An object's row says WRITING before its first byte is in the store, and a file refers to it only
when its last byte is there to stay. Wherever this is killed, what is left is an object that nobody
refers to and whose row stops being touched: the reaper deletes it.
"""

from collections.abc import Callable, Iterable
from time import monotonic
from uuid import UUID

import structlog

from service.files.contents import Contents
from service.files.errors import ContentMismatch, FileNotFound, FileTooLarge, QuotaExceeded
from service.files.models import UNKNOWN_TYPE, Content, File, FileUploaded, Header
from service.files.object_repository import ObjectRepository
from service.files.repository import FileRepository
from service.kernel import names
from service.kernel.call import Call, Committed
from service.kernel.clock import Clock
from service.kernel.conflicts import retried
from service.kernel.errors import GatehouseError, NameTaken
from service.kernel.updates import require_etag
from service.storage.database import Database

# How far ahead of itself an upload of unknown size sets bytes aside: twice as far each time.
_FIRST_AHEAD = 4 * 1024 * 1024
_MOST_AHEAD = 256 * 1024 * 1024
_TOUCH = 60.0

log = structlog.get_logger("gatehouse.files")


class Uploads:
    """Uploads files."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        contents: Contents,
        *,
        size_limit: int,
        quota: int | None,
    ) -> None:
        """`size_limit` is of a file, `quota` of all the files of an owner, in bytes."""
        self._db = database
        self._clock = clock
        self._contents = contents
        self._size_limit = size_limit
        self._quota = quota

    def upload(self, call: Call, header: Header, chunks: Iterable[bytes]) -> Committed[File]:
        """The file, once its content is whole, as promised, and durable.

        Raises FileTooLarge, ContentMismatch, NameTaken, FileNotFound, EtagMismatch, QuotaExceeded,
        UploadGivenUp, StorageFull, StoreUnavailable.
        """
        if header.sha256:
            _cover(call, header.sha256)
        size = header.size or 0
        if size > self._size_limit:
            raise FileTooLarge.field("header.size", f"must be at most {self._size_limit}")
        # What may repeat an upload that was answered is told so when its sum is known.
        if call.key is None or header.sha256:
            with self._db.transaction(call) as tx:
                _require_place(FileRepository(tx.connection).find(header.name), header)
        upload = _Upload(
            self._db, self._contents, call.actor, header, self._size_limit, self._quota
        )
        upload.begin()
        try:
            content = upload.receive(chunks)
            if not header.sha256:
                _cover(call, content.sha256)
            return retried(lambda: self._commit(call, header, content))
        except BaseException:
            upload.give_up()
            raise

    def _commit(self, call: Call, header: Header, content: Content) -> Committed[File]:
        now = self._clock.now()
        with self._db.transaction(call) as tx:
            files = FileRepository(tx.connection)
            objects = ObjectRepository(tx.connection, self._quota)
            file = files.find_for_update(header.name)
            _require_place(file, header)
            told = {"before": file.shown} if file else {}
            objects.store(content, instead_of=file.content if file else None)
            content_type, labels = header.content_type or UNKNOWN_TYPE, dict(header.labels)
            if file is None:
                file = File(header.name, content, content_type, labels, call.actor, now, now)
                files.insert(file)
            else:
                file.content, file.content_type, file.labels = content, content_type, labels
                file.update_time = now
                files.update(file)
            tx.record(FileUploaded(file.name, told | {"after": file.shown}))
            return tx.commit(file)


class _Upload:
    """One upload under way: its object, and how many bytes are set aside for it."""

    def __init__(
        self,
        database: Database,
        contents: Contents,
        owner: str,
        header: Header,
        size_limit: int,
        quota: int | None,
    ) -> None:
        self._db = database
        self._contents = contents
        self._owner = owner
        self._header = header
        self._size_limit = size_limit
        self._quota = quota
        self._object_id: UUID = names.new_id()
        self._sealed_key = contents.new_key(self._object_id)
        self._set_aside = header.size or 0
        self._ahead = _FIRST_AHEAD
        self._touched = monotonic()

    def begin(self) -> None:
        """Tells of the object before there is a byte of it. Raises QuotaExceeded."""
        self._write(
            lambda objects: objects.begin(
                self._object_id, self._owner, self._set_aside, self._sealed_key
            )
        )

    def receive(self, chunks: Iterable[bytes]) -> Content:
        """Writes the content, all of it, and compares it with what was promised."""
        promised = self._header
        with self._contents.writer(self._object_id, self._sealed_key) as writer:
            for chunk in chunks:
                self._make_room(writer.size + len(chunk))
                writer.write(chunk)
            if promised.size is not None and writer.size != promised.size:
                raise ContentMismatch.field(
                    "header.size", f"promised {promised.size} bytes, and {writer.size} came"
                )
            found = writer.finish()
        if promised.sha256 and found != promised.sha256:
            raise ContentMismatch.field("header.sha256", f"the content's SHA-256 is {found}")
        return Content(self._object_id, self._owner, writer.size, found, self._sealed_key)

    def give_up(self) -> None:
        """Deletes what there is, as far as can be; the reaper deletes what cannot be now.

        A commit whose answer was lost may have made the object some file's: then it stays. If the
        reaper was here before, we may have put another part since.
        """
        try:
            call = Call.internal("upload")
            with self._db.transaction(call) as tx:
                objects = ObjectRepository(tx.connection)
                objects.give_up(self._object_id)
                is_stored = objects.is_stored(self._object_id)
                tx.commit(None)
            if is_stored:
                return
            self._contents.delete(self._object_id)
            with self._db.transaction(call) as tx:
                ObjectRepository(tx.connection).forget([self._object_id])
                tx.commit(None)
        except GatehouseError as error:
            log.warning("an upload is left to be reaped", why=str(error))

    def _make_room(self, size: int) -> None:
        """Sets more aside when that is used up, and says now and then that this goes on."""
        promised = self._header.size
        if promised is not None and size > promised:
            raise ContentMismatch.field("header.size", f"promised {promised} bytes; more came")
        if size > self._size_limit:
            raise FileTooLarge.field("chunk", f"files have at most {self._size_limit} bytes")
        if size > self._set_aside:
            self._set_more_aside(size)
        elif monotonic() - self._touched > _TOUCH:
            self._resize(self._set_aside)

    def _set_more_aside(self, size: int) -> None:
        """For so many bytes and some more: as many as there were, or less where quota ends."""
        self._ahead = min(2 * self._ahead, _MOST_AHEAD)
        while True:
            try:
                return self._resize(min(size + self._ahead, self._size_limit))
            except QuotaExceeded:
                if not self._ahead:
                    raise
                self._ahead //= 4

    def _resize(self, size: int) -> None:
        self._write(lambda objects: objects.resize(self._object_id, self._owner, size))
        self._set_aside = size
        self._touched = monotonic()

    def _write(self, change: Callable[[ObjectRepository], None]) -> None:
        def write() -> None:
            with self._db.transaction(Call.internal("upload")) as tx:
                change(ObjectRepository(tx.connection, self._quota))
                tx.commit(None)

        retried(write)


def _require_place(file: File | None, header: Header) -> None:
    """Raises NameTaken, FileNotFound, EtagMismatch unless the header may have the name."""
    if file is None:
        if header.etag:
            raise FileNotFound(header.name)
    elif not header.etag:
        raise NameTaken(header.name)
    else:
        require_etag(file.name, file.etag, header.etag)


def _cover(call: Call, sha256: str) -> None:
    """A retry is the same request only with the same content."""
    if call.key is not None:
        call.key = call.key.over(bytes.fromhex(sha256))
