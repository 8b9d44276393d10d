"""All SQL of the files; what their contents are made of is the objects' repository's."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from service.files.errors import FileNotFound
from service.files.models import Content, File
from service.files.ranges import Range, place
from service.kernel.errors import NameTaken
from service.storage.constraints import broken

_FILES = """
    SELECT f.name, f.place, f.object, f.content_type, f.labels, f.creator, f.create_time,
        f.update_time, f.version, o.owner, o.size, o.sha256, o.sealed_key
    FROM files f JOIN file_objects o ON o.id = f.object
"""
_GET = text(f"{_FILES} WHERE f.name = :name")
# By itself: whoever had waited here for another's change would join to what was there before it.
_LOCK = text("SELECT FROM files WHERE name = :name FOR UPDATE")
_LIST = text(f"""
SELECT found.* FROM unnest(CAST(:firsts AS text[]), CAST(:lasts AS text[])) AS r (first, last)
CROSS JOIN LATERAL (
    {_FILES} WHERE f.place >= r.first AND f.place < r.last AND f.place > :after
    ORDER BY f.place LIMIT :limit
) found
ORDER BY found.place LIMIT :limit
""")
_INSERT = text(
    "INSERT INTO files (name, object, content_type, labels, creator, create_time, update_time,"
    " version) VALUES (:name, :object, :content_type, CAST(:labels AS jsonb), :creator,"
    " :create_time, :update_time, :version) ON CONFLICT DO NOTHING RETURNING name"
)
_UPDATE = text(
    "UPDATE files SET name = :name, object = :object, content_type = :content_type,"
    " labels = CAST(:labels AS jsonb), update_time = :update_time, version = :version"
    " WHERE name = :was"
)
_DELETE = text("DELETE FROM files WHERE name = :name")


class FileRepository:
    """Files in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def get(self, name: str) -> File:
        """Raises FileNotFound."""
        return _required(self.find(name), name)

    def get_for_update(self, name: str) -> File:
        """The file, locked until the transaction ends. Raises FileNotFound."""
        return _required(self.find_for_update(name), name)

    def find(self, name: str) -> File | None:
        """The file, if there is one."""
        row = self._run(_GET, {"name": name}).one_or_none()
        return _file(row) if row else None

    def find_for_update(self, name: str) -> File | None:
        """The file, if there is one, locked until the transaction ends.

        One that came to be after the lock found none is not locked, and so is none.
        """
        locked = self._run(_LOCK, {"name": name}).one_or_none() is not None
        return self.find(name) if locked else None

    def list(self, among: Sequence[Range], after: str, limit: int) -> list[File]:
        """Up to `limit` files in these ranges by place, after the name `after`."""
        parameters = {
            "firsts": [first for first, _ in among],
            "lasts": [last for _, last in among],
            "after": place(after),
            "limit": limit,
        }
        return [_file(row) for row in self._run(_LIST, parameters)]

    def insert(self, file: File) -> None:
        """Raises NameTaken."""
        row = _row(file) | {"creator": file.creator, "create_time": file.create_time}
        if self._run(_INSERT, row).one_or_none() is None:
            raise NameTaken(file.name)

    def update(self, file: File, *, was: str = "") -> None:
        """Writes the file and its next version; `was` is its name before. Raises NameTaken."""
        file.version += 1
        try:
            self._run(_UPDATE, _row(file) | {"was": was or file.name})
        except IntegrityError as error:
            if broken(error) in {"files_pkey", "files_place_key"}:
                raise NameTaken(file.name) from None
            raise

    def delete(self, name: str) -> None:
        """Deletes the file."""
        self._run(_DELETE, {"name": name})


def _required(found: File | None, name: str) -> File:
    if found is None:
        raise FileNotFound(name)
    return found


def _row(file: File) -> dict[str, object]:
    return {
        "name": file.name,
        "object": file.content.object_id,
        "content_type": file.content_type,
        "labels": json.dumps(file.labels),
        "update_time": file.update_time,
        "version": file.version,
    }


def _file(row: Any) -> File:
    return File(
        name=row.name,
        content=Content(row.object, row.owner, row.size, row.sha256.hex(), row.sealed_key),
        content_type=row.content_type,
        labels=row.labels,
        creator=row.creator,
        create_time=row.create_time,
        update_time=row.update_time,
        version=row.version,
    )
