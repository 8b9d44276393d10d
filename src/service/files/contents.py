"""The content of files: cut into parts, hashed, sealed and kept in the store, and read again.

Parts are hashed, put and read while the next is received or sent, so a stream holds three of them,
and no more however large the file.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from hashlib import sha256
from mmap import mmap
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from service.files.models import Content
from service.kernel.crypto import KeyRing
from service.kernel.envelope import SEGMENT, Envelope, sealed_range, sealed_size
from service.storage.objects import ObjectStore

PART = 4 * 1024 * 1024
CHUNK = 256 * 1024
_PUTS = 2
_KEPT = 8  # buffers, once nobody uses them


class Contents:
    """The store as files see it."""

    def __init__(self, store: ObjectStore, ring: KeyRing, *, encrypt: bool, streams: int) -> None:
        """`encrypt`: whether new content is sealed; `streams`: how many there may be at once."""
        self._store = store
        self._ring = ring
        self._encrypt = encrypt
        self._beside = ThreadPoolExecutor(streams * (1 + _PUTS), thread_name_prefix="contents")
        self._buffers = Buffers()
        # Bytes, for the metrics.
        self._counting = Lock()
        self.written = 0
        self.read = 0

    def stop(self) -> None:
        """Ends the threads."""
        self._beside.shutdown(wait=False)

    def new_key(self, object_id: UUID) -> bytes | None:
        """A key to seal a new object under, itself sealed; None when content is kept as it is."""
        if not self._encrypt:
            return None
        return self._ring.seal(Envelope.new().key, _place(object_id))

    def writer(self, object_id: UUID, sealed_key: bytes | None) -> "Writer":
        """Writes a new object. Raises CannotOpen."""
        envelope = self._envelope(object_id, sealed_key)
        return Writer(self._store, object_id, envelope, self._beside, self._buffers, self._count)

    def reader(self, content: Content, offset: int, end: int) -> Iterator[memoryview]:
        """The bytes `[offset, end)` in chunks of at most 256 KiB, each there until the next is.

        Raises PartMissing, CannotOpen, StoreUnavailable, and so may each step.
        """
        envelope = self._envelope(content.object_id, content.sealed_key)
        coming: Future[_Block] | None = None
        for start, stop in _by_part(offset, end):
            block = coming.result() if coming else self._block(content, envelope, start, stop)
            coming = None
            if stop < end:
                after = min(stop + PART, end)
                coming = self._beside.submit(self._block, content, envelope, stop, after)
            for at in range(0, stop - start, CHUNK):
                yield block.content[at : at + CHUNK]
            self._buffers.give_back(block.buffer)
            with self._counting:
                self.read += stop - start

    def delete(self, object_id: UUID) -> None:
        """Deletes all there is of an object. Raises StoreUnavailable."""
        self._store.delete(object_id)

    def _count(self, written: int) -> None:
        with self._counting:
            self.written += written

    def _envelope(self, object_id: UUID, sealed_key: bytes | None) -> Envelope | None:
        if sealed_key is None:
            return None
        return Envelope(self._ring.open(sealed_key, _place(object_id)))

    def _block(
        self, content: Content, envelope: Envelope | None, start: int, stop: int
    ) -> "_Block":
        """The bytes `[start, stop)`, all of one part."""
        buffer = self._buffers.take()
        part, first = divmod(start, PART)
        last = first + stop - start
        if envelope is None:
            read = memoryview(buffer)[: last - first]
            self._store.read(content.object_id, part, first, read)
            return _Block(read, buffer)
        size = min(PART, content.size - part * PART)
        sealed_first, sealed_last = sealed_range(first, last, size)
        sealed = memoryview(buffer)[: sealed_last - sealed_first]
        self._store.read(content.object_id, part, sealed_first, sealed)
        segment = first // SEGMENT
        plain = memoryview(envelope.open(part * (PART // SEGMENT) + segment, sealed))
        return _Block(plain[first - segment * SEGMENT : last - segment * SEGMENT], buffer)


class _Block(NamedTuple):
    """What was read, and the buffer that is free once that has been taken."""

    content: memoryview
    buffer: mmap


class Buffers:
    """Memory for parts. It begins on a page, so that a disk can take it as it lies there."""

    def __init__(self) -> None:
        self._kept: deque[mmap] = deque(maxlen=_KEPT)

    def take(self) -> mmap:
        """Memory for one part, with whatever was in it before."""
        try:
            return self._kept.pop()
        except IndexError:
            return mmap(-1, sealed_size(PART))

    def give_back(self, buffer: mmap) -> None:
        """Keeps it for the next; memory that was used before costs the kernel nothing."""
        self._kept.append(buffer)


class Writer:
    """Writes one object, as a context: `write` its content, then `finish`."""

    def __init__(
        self,
        store: ObjectStore,
        object_id: UUID,
        envelope: Envelope | None,
        beside: Executor,
        buffers: Buffers,
        count: Callable[[int], None],
    ) -> None:
        """`beside` is what parts are hashed and put by; `count` is told what was written."""
        self._store = store
        self._object_id = object_id
        self._envelope = envelope
        self._beside = beside
        self._buffers = buffers
        self._count = count
        self._buffer = buffers.take()
        self._filled = 0
        self._parts = 0
        self._sum = sha256()
        self._hashing: Future[None] | None = None
        self._puts: deque[tuple[Future[None], mmap]] = deque()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """The next bytes. Raises StorageFull, StoreUnavailable."""
        self.size += len(chunk)
        left = memoryview(chunk)
        while left:
            fitting = left[: PART - self._filled]
            end = self._filled + len(fitting)
            self._buffer[self._filled : end] = fitting
            self._filled = end
            left = left[len(fitting) :]
            if end == PART:
                self._put_beside()

    def finish(self) -> str:
        """Makes what was written durable; answers its SHA-256 in hex. Raises as `write` does."""
        self._settle(0)
        if self._filled:
            last = memoryview(self._buffer)[: self._filled]
            self._sum.update(last)
            self._put(self._parts, last)
        self._store.settle(self._object_id)
        self._count(self.size)
        return self._sum.hexdigest()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for what is still being hashed and put, whatever becomes of it."""
        wait([put for put, _ in self._puts] + ([self._hashing] if self._hashing else []))
        for buffer in (self._buffer, *(buffer for _, buffer in self._puts)):
            self._buffers.give_back(buffer)

    def _put_beside(self) -> None:
        self._settle(_PUTS - 1)
        fresh = self._buffers.take()
        content = memoryview(self._buffer)[:PART]
        self._hashing = self._beside.submit(self._sum.update, content)
        self._puts.append((self._beside.submit(self._put, self._parts, content), self._buffer))
        self._parts += 1
        self._buffer, self._filled = fresh, 0

    def _settle(self, left: int) -> None:
        """Waits until all parts so far are hashed, and no more than `left` of them to be put."""
        if self._hashing is not None:
            self._hashing.result()
        while len(self._puts) > left:
            put, buffer = self._puts[0]
            put.result()
            self._buffers.give_back(buffer)
            self._puts.popleft()

    def _put(self, part: int, content: memoryview) -> None:
        sealed = self._envelope and self._envelope.seal(part * (PART // SEGMENT), content)
        self._store.put(self._object_id, part, sealed or content)


def part_sizes(size: int, *, sealed: bool) -> Iterator[int]:
    """How many bytes each part of a content of `size` bytes has in the store."""
    for start, stop in _by_part(0, size):
        yield sealed_size(stop - start) if sealed else stop - start


def _by_part(offset: int, end: int) -> Iterator[tuple[int, int]]:
    """`[offset, end)` cut where parts end."""
    while offset < end:
        stop = min((offset // PART + 1) * PART, end)
        yield offset, stop
        offset = stop


def _place(object_id: UUID) -> str:
    return f"file_objects/sealed_key/{object_id}"
