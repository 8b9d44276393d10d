"""The object store: one way to keep what files are made of, wherever it is kept.

An object is a sequence of parts, each put by one request, whole or not at all. There are no
multipart uploads: what is left of a cut one is hidden in S3, while parts can be listed and deleted.
A part's key is `{last two digits of the object's id}/{id}/{part}`.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit
from uuid import UUID, uuid4

from obstore.exceptions import BaseError

from service.kernel.errors import StorageFull
from service.storage.objects.bucket import Bucket
from service.storage.objects.disk import Disk
from service.storage.objects.errors import PartMissing, StoreUnavailable, is_too_short, told

Content = bytes | bytearray | memoryview

_OBJECT = r"(?P<shard>[0-9a-f]{2})/(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_PART = re.compile(rf"{_OBJECT}/(?P<part>[0-9]{{5}})")
_LEFT = re.compile(rf"{_OBJECT}/[0-9]{{5}}#[0-9]+")


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part of an object, and how many bytes it has in the store."""

    object_id: UUID
    part: int
    size: int


@dataclass(frozen=True, slots=True)
class Stray:
    """Something that lies in the store and is no part, by its key there.

    Under an object's key it may be what a killed `put` left on a local disk, which is deleted with
    the object.
    """

    key: str
    size: int

    @property
    def object_id(self) -> UUID | None:
        """The object that it lies beside, if it may be what a killed `put` of that left."""
        found = _LEFT.fullmatch(self.key)
        return UUID(found["id"]) if found and found["shard"] == found["id"][-2:] else None


class ObjectStore:
    """Keeps parts of objects by the object's id. Safe to use from any thread.

    Everything raises StoreUnavailable, within some 15 seconds, when the store is away or does not
    let us in; what writes raises StorageFull when it has no room.
    """

    def __init__(self, place: Disk | Bucket) -> None:
        self._place = place

    @staticmethod
    def open(url: str, *, make: bool = True) -> "ObjectStore":
        """The store at `file:///folder`, or `s3://bucket/prefix`; `make` makes the folder.

        An S3 store's endpoint, region, credentials and further authorities (AWS_CA_BUNDLE) are
        taken from the environment, and nothing is asked of it yet. Raises OSError when the folder
        is not there or cannot be made, or the authorities cannot be read, ValueError for what
        cannot be used.
        """
        parts = urlsplit(url)
        if parts.scheme == "file":
            root = Path(os.fsdecode(unquote_to_bytes(parts.path)))
            return ObjectStore(Disk(root, make=make))
        if parts.scheme == "s3":
            return ObjectStore(Bucket(parts.netloc, parts.path.strip("/")))
        raise ValueError("an object store is at file:///folder or s3://bucket/prefix")

    def put(self, object_id: UUID, part: int, content: Content) -> None:
        """Puts a part, in place of the one that may be there."""
        with told():
            self._place.put(_folder(object_id), _name(part), content)

    def settle(self, object_id: UUID) -> None:
        """To be called once all parts are put: from here on a power cut loses nothing of it."""
        with told():
            self._place.settle(_folder(object_id))

    def read(self, object_id: UUID, part: int, start: int, into: memoryview) -> None:
        """Fills `into` with bytes of a part, from `start` on.

        Raises PartMissing when the part is not there or has fewer. Does not look for none.
        """
        if not into:
            return
        folder, name = _folder(object_id), _name(part)
        with told():
            try:
                read = self._place.read(folder, name, start, into)
            except (BaseError, OSError) as error:
                if self._place.lacks(error) or is_too_short(error):
                    raise PartMissing(f"{folder}/{name}") from error
                raise
        if read != len(into):
            raise PartMissing(f"{folder}/{name}")

    def delete(self, object_id: UUID) -> None:
        """Deletes all parts there are, and what killed puts left of others; none is no error."""
        with told():
            self._place.delete(_folder(object_id))

    def parts(self, shard: int | None = None) -> Iterator[StoredPart | Stray]:
        """All that lies in the store, or in one shard of it: the last byte of objects' ids.

        Shards come in order, and each object's parts together. Raises StrangeKey.
        """
        with told():
            for key, size in self._place.entries("" if shard is None else f"{shard:02x}"):
                yield _known(key, size) or Stray(key, size)

    def check(self) -> None:
        """Makes sure that the store takes an object, gives it back and deletes it."""
        object_id = uuid4()
        try:
            self.put(object_id, 0, b"Gatehouse was here.")
            self.settle(object_id)
            self.read(object_id, 0, 0, memoryview(bytearray(1)))
        except PartMissing as error:
            raise StoreUnavailable from error
        except StorageFull:
            self.delete(object_id)  # a folder may have had room
            raise
        self.delete(object_id)


def key_of(object_id: UUID, part: int | None = None) -> str:
    """Where a part lies in the store, or what the keys of all of an object's parts begin with."""
    return _folder(object_id) if part is None else f"{_folder(object_id)}/{_name(part)}"


def _folder(object_id: UUID) -> str:
    return f"{object_id.hex[-2:]}/{object_id}"


def _name(part: int) -> str:
    return f"{part:05}"


def _known(key: str, size: int) -> StoredPart | None:
    found = _PART.fullmatch(key)
    if not found or found["shard"] != found["id"][-2:]:
        return None
    return StoredPart(UUID(found["id"]), int(found["part"]), size)
