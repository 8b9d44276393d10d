"""Where objects are kept, with a door behind the store's back: one shape for disk and S3."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from uuid import UUID

from service.storage.objects import ObjectStore
from tests.support.s3 import S3


def read(objects: ObjectStore, object_id: UUID, part: int, start: int, length: int) -> bytes:
    """So many bytes of a part, from `start` on."""
    into = bytearray(length)
    objects.read(object_id, part, start, memoryview(into))
    return bytes(into)


class Place(Protocol):
    """What the tests of every object store need of where it keeps things."""

    url: str

    def lay(self, key: str, content: bytes) -> None:
        """Leaves something there, as an operator might."""

    def keys(self) -> set[str]:
        """All that is there."""

    @contextmanager
    def away(self) -> Iterator[None]:
        """Takes it away for as long as the block runs; it may come back empty."""


class FolderPlace:
    """A folder on a local disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.as_uri()

    def lay(self, key: str, content: bytes) -> None:
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).write_bytes(content)

    def keys(self) -> set[str]:
        return {str(it.relative_to(self.root)) for it in self.root.rglob("*") if not it.is_dir()}

    @contextmanager
    def away(self) -> Iterator[None]:
        elsewhere = self.root.with_name("elsewhere")
        self.root.rename(elsewhere)
        yield
        elsewhere.rename(self.root)


class BucketPlace:
    """A bucket under a prefix."""

    def __init__(self, s3: S3) -> None:
        self._s3 = s3
        self.bucket = s3.new_bucket()
        self.url = f"s3://{self.bucket}/files/of=us"

    def open(self, prefix: str) -> ObjectStore:
        """A store under another prefix of the bucket."""
        return ObjectStore.open(f"s3://{self.bucket}/{prefix}")

    def lay(self, key: str, content: bytes) -> None:
        self._s3.lay(self.bucket, f"files/of=us/{key}", content)

    def keys(self) -> set[str]:
        return {it.removeprefix("files/of=us/") for it in self._s3.keys(self.bucket)}

    @contextmanager
    def away(self) -> Iterator[None]:
        self._s3.stop()
        yield
        self._s3.start()
        self._s3.make_bucket(self.bucket)
