"""A file, what its content is made of, and what happens to one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service.kernel.events import Event
from service.kernel.updates import require_etag

UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Content:
    """A whole object of the store: `size` in bytes, `sha256` in lower-case hex, both of the plain.

    `sealed_key` is the key that it is sealed under, itself sealed; None for content kept as it is.
    """

    object_id: UUID
    owner: str
    size: int
    sha256: str
    sealed_key: bytes | None = field(default=None, repr=False)


@dataclass(slots=True)
class File:
    """A file. Times are database time, in UTC."""

    name: str
    content: Content
    content_type: str
    labels: dict[str, str]
    creator: str
    create_time: datetime
    update_time: datetime
    version: int = 1

    @property
    def shown(self) -> dict[str, object]:
        """What events show of it."""
        content = self.content
        return {
            "content_type": self.content_type,
            "size": content.size,
            "sha256": content.sha256,
        }

    @property
    def etag(self) -> str:
        """Changes with every write of the file, and is no other file's of the same name."""
        return f"{self.content.object_id.hex[-12:]}-{self.version:x}"

    def require_etag(self, etag: str) -> None:
        """Raises EtagMismatch unless `etag` is this file's or empty."""
        require_etag(self.name, self.etag, etag)


@dataclass(frozen=True, slots=True)
class Header:
    """What a caller says of an upload. None and empty are what was not said."""

    name: str
    content_type: str = ""
    size: int | None = None
    sha256: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller wants changed of a file."""

    name: str
    content_type: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Download:
    """A file, and the bytes of it that were asked for, read while they are taken.

    Each chunk is there until the next is asked for.
    """

    file: File
    chunks: Iterator[memoryview]


@dataclass(frozen=True, slots=True)
class Overdue:
    """Objects of one state that should have been gone from it, the oldest `since` then."""

    state: str
    objects: int
    size: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Miscount:
    """An owner of whom other bytes are counted than kept."""

    owner: str
    counted: int
    kept: int


class FileUploaded(Event):
    """A file has content, as `data.after` shows it, instead of `data.before` if it had any."""

    type = "gatehouse.files.uploaded"


class FileUpdated(Event):
    """A file's type or labels were changed; `data.fields` names which."""

    type = "gatehouse.files.updated"


class FileMoved(Event):
    """A file has another name, `data.destination`."""

    type = "gatehouse.files.moved"


class FileDeleted(Event):
    """A file was deleted; `data.before` was its content."""

    type = "gatehouse.files.deleted"
