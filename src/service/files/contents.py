"""The content of files: cut into parts, hashed, sealed and kept in the store, and read again.

A part is put or read while the next is received or sent, so a stream holds two of them, and no
more however large the file.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from uuid import UUID

from service.files.models import Content
from service.kernel.crypto import KeyRing
from service.kernel.envelope import SEGMENT, Envelope, sealed_range
from service.storage.objects import ObjectStore

PART = 4 * 1024 * 1024
CHUNK = 256 * 1024


class Contents:
    """The store as files see it."""

    def __init__(self, store: ObjectStore, ring: KeyRing, *, encrypt: bool, streams: int) -> None:
        """`encrypt`: whether new content is sealed; `streams`: how many work ahead at once."""
        self._store = store
        self._ring = ring
        self._encrypt = encrypt
        self._ahead = ThreadPoolExecutor(streams, thread_name_prefix="contents")
        # Bytes, for the metrics.
        self.written = 0
        self.read = 0

    def stop(self) -> None:
        """Ends the threads."""
        self._ahead.shutdown(wait=False, cancel_futures=True)

    def new_key(self, object_id: UUID) -> bytes | None:
        """A key to seal a new object under, itself sealed; None when content is kept as it is."""
        if not self._encrypt:
            return None
        return self._ring.seal(Envelope.new().key, _place(object_id))

    def writer(self, object_id: UUID, sealed_key: bytes | None) -> "Writer":
        """Writes a new object. Raises CannotOpen."""
        return Writer(self, self._store, object_id, self._envelope(object_id, sealed_key))

    def reader(self, content: Content, offset: int, end: int) -> Iterator[bytes]:
        """The bytes `[offset, end)` in chunks of at most 256 KiB.

        Raises PartMissing, CannotOpen, StoreUnavailable, and so may each step.
        """
        envelope = self._envelope(content.object_id, content.sealed_key)
        coming: Future[bytes] | None = None
        for start, stop in _by_part(offset, end):
            block = coming.result() if coming else self._block(content, envelope, start, stop)
            coming = None
            if stop < end:
                after = min(stop + PART, end)
                coming = self._ahead.submit(self._block, content, envelope, stop, after)
            for at in range(0, len(block), CHUNK):
                yield block[at : at + CHUNK]
            self.read += len(block)

    def delete(self, object_id: UUID) -> None:
        """Deletes all there is of an object. Raises StoreUnavailable."""
        self._store.delete(object_id)

    def submit_part(self, put: "Writer", part: int, content: bytes) -> "Future[None]":
        """Puts a part of a writer's while it goes on."""
        return self._ahead.submit(put.put, part, content)

    def _envelope(self, object_id: UUID, sealed_key: bytes | None) -> Envelope | None:
        if sealed_key is None:
            return None
        return Envelope(self._ring.open(sealed_key, _place(object_id)))

    def _block(self, content: Content, envelope: Envelope | None, start: int, stop: int) -> bytes:
        """The bytes `[start, stop)`, all of one part."""
        part, first = divmod(start, PART)
        last = first + stop - start
        if envelope is None:
            return self._store.read(content.object_id, part, first, last - first)
        size = min(PART, content.size - part * PART)
        sealed_first, sealed_last = sealed_range(first, last, size)
        sealed = self._store.read(content.object_id, part, sealed_first, sealed_last - sealed_first)
        segment = first // SEGMENT
        plain = envelope.open(part * (PART // SEGMENT) + segment, sealed)
        return plain[first - segment * SEGMENT : last - segment * SEGMENT]


class Writer:
    """Writes one object; `write` its content, then `finish`."""

    def __init__(
        self, contents: Contents, store: ObjectStore, object_id: UUID, envelope: Envelope | None
    ) -> None:
        self._contents = contents
        self._store = store
        self._object_id = object_id
        self._envelope = envelope
        self._sum = sha256()
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._parts = 0
        self._going: Future[None] | None = None
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """The next bytes. Raises StorageFull, StoreUnavailable."""
        self.size += len(chunk)
        while self._waiting_size + len(chunk) >= PART:
            room = PART - self._waiting_size
            self._waiting.append(chunk[:room])
            self._flush()
            chunk = chunk[room:]
        if chunk:
            self._waiting.append(chunk)
            self._waiting_size += len(chunk)

    def finish(self) -> str:
        """Makes what was written durable; answers its SHA-256 in hex. Raises as `write` does."""
        self._settle_last()
        if self._waiting:
            self.put(self._parts, b"".join(self._waiting))
        self._store.settle(self._object_id)
        self._contents.written += self.size
        return self._sum.hexdigest()

    def close(self) -> None:
        """Waits for what is still being put, whatever becomes of it."""
        if self._going is not None:
            self._going.exception()

    def put(self, part: int, content: bytes) -> None:
        """Hashes, seals and puts a part; one after the other."""
        self._sum.update(content)
        if self._envelope is not None:
            content = self._envelope.seal(part * (PART // SEGMENT), content)
        self._store.put(self._object_id, part, content)

    def _flush(self) -> None:
        self._settle_last()
        content = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        self._going = self._contents.submit_part(self, self._parts, content)
        self._parts += 1

    def _settle_last(self) -> None:
        if self._going is not None:
            self._going.result()
            self._going = None


def _by_part(offset: int, end: int) -> Iterator[tuple[int, int]]:
    """`[offset, end)` cut where parts end."""
    while offset < end:
        stop = min((offset // PART + 1) * PART, end)
        yield offset, stop
        offset = stop


def _place(object_id: UUID) -> str:
    return f"file_objects/sealed_key/{object_id}"
