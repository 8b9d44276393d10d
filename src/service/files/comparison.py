"""Comparing what the rows say of files with what lies in the store; nothing is changed.

A running server goes on meanwhile, so whatever seems wrong is looked at again before it is said. A
row is there before the first part and after the last: parts that have no row, and are still there
after that was seen, have none. An object that was whole before and after its parts were looked for
was so in between.

Both are gone through shard by shard, some thousand objects at a time, however many there are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import groupby
from uuid import UUID

from service.files.comparison_repository import ComparisonRepository, Row
from service.files.contents import part_sizes
from service.files.models import Miscount, Overdue
from service.storage.database import Database
from service.storage.objects import ObjectStore, StoredPart, Stray, key_of

_AT_ONCE = 20_000
_SHARDS = 256


class Kind(Enum):
    """What is wrong."""

    DAMAGED = auto()  # a file's content is not all there
    WITHOUT_ROW = auto()  # an object that no row tells of
    WITHOUT_FILE = auto()  # a whole object that is no file's content
    STRAY = auto()  # what is no part of any object


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in which the rows and the store differ.

    `what` is a file's name or a key of the store, `told` what is wrong with it.
    """

    kind: Kind
    what: str
    told: str
    size: int = 0


@dataclass(slots=True)
class _Held:
    """What the store holds of an object: its parts' sizes, and what else lies beside them."""

    parts: dict[int, int] = field(default_factory=dict)
    left: list[Stray] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(self.parts.values()) + sum(it.size for it in self.left)


_Objects = dict[UUID, _Held]
_NOTHING = _Held()


class Comparison:
    """Compares; `files` and `size` tell afterwards how many whole files of how many bytes."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._db = database
        self._store = store
        self.files = 0
        self.size = 0

    def differences(self) -> Iterator[Difference]:
        """All there are between the rows and the store. Raises Unavailable, StrangeKey."""
        first, objects = 0, _Objects()
        for shard, entries in groupby(self._store.parts(), _shard):
            if shard is not None and shard >= first and len(objects) >= _AT_ONCE:
                yield from self._compared(first, shard - 1, objects)
                first, objects = shard, _Objects()
            yield from _gathered(entries, objects)
        yield from self._compared(first, _SHARDS - 1, objects)

    def overdue(self) -> list[Overdue]:
        """What a worker should have settled some time ago. Raises Unavailable."""
        with self._db.reading() as connection:
            return ComparisonRepository(connection).overdue()

    def miscounts(self) -> list[Miscount]:
        """The owners of whom other bytes are counted than kept. Raises Unavailable."""
        with self._db.reading() as connection:
            return ComparisonRepository(connection).miscounts()

    def _compared(self, first: int, last: int, objects: _Objects) -> Iterator[Difference]:
        """Compares what lies in these shards with their rows; uses `objects` up."""
        for rows in self._pages(first, last):
            suspects = []
            for row in rows:
                differences = list(_judged(row, objects.pop(row.id, _NOTHING)))
                if differences:
                    suspects.append(row.id)
                else:
                    self._count(row, differences)
            yield from self._looked_at_again(suspects)
        with_row = {row.id for row in self._rows(list(objects))}
        for object_id, held in self._held(objects.keys() - with_row):
            yield Difference(Kind.WITHOUT_ROW, key_of(object_id), "no row tells of it", held.size)

    def _looked_at_again(self, suspects: list[UUID]) -> Iterator[Difference]:
        held = dict(self._held(suspects))
        for row in self._rows(suspects):
            differences = list(_judged(row, held.get(row.id, _NOTHING)))
            self._count(row, differences)
            yield from differences

    def _count(self, row: Row, differences: list[Difference]) -> None:
        if row.name is not None and all(it.kind is not Kind.DAMAGED for it in differences):
            self.files += 1
            self.size += row.size

    def _held(self, wanted: Iterable[UUID]) -> Iterator[tuple[UUID, _Held]]:
        """What the store holds of these now."""
        for shard, some in groupby(sorted(wanted, key=_last_byte), _last_byte):
            objects = _Objects()
            for _ in _gathered(self._store.parts(shard), objects):
                pass
            yield from ((it, objects[it]) for it in some if it in objects)

    def _pages(self, first: int, last: int) -> Iterator[list[Row]]:
        after: UUID | None = None
        while True:
            with self._db.reading() as connection:
                rows = ComparisonRepository(connection).in_shards(first, last, after, _AT_ONCE)
            yield rows
            if len(rows) < _AT_ONCE:  # not until there are none: who uploads meanwhile adds some
                return
            after = rows[-1].id

    def _rows(self, ids: list[UUID]) -> list[Row]:
        if not ids:
            return []
        with self._db.reading() as connection:
            return ComparisonRepository(connection).of_ids(ids)


def _judged(row: Row, held: _Held) -> Iterator[Difference]:
    """What is wrong with an object that has a row."""
    if row.state != "STORED":
        # What there is of it goes in time, whole or not.
        if row.name is not None:
            yield Difference(Kind.DAMAGED, row.name, "its content is given up", row.size)
        return
    if row.name is None:
        yield Difference(Kind.WITHOUT_FILE, key_of(row.id), "no file's content", held.size)
        return
    parts = 0
    wrong: list[str] = []
    for part, size in enumerate(part_sizes(row.size, sealed=row.sealed)):
        parts += 1
        found = held.parts.get(part)
        if found != size:
            has = "is not in the store" if found is None else f"has {found} bytes, not {size}"
            wrong.append(f"{key_of(row.id, part)} {has}")
    if wrong:
        more = (
            f", nor are {len(wrong) - 1} more of {parts} parts as they should" if wrong[1:] else ""
        )
        yield Difference(Kind.DAMAGED, row.name, wrong[0] + more, row.size)
    for part in sorted(held.parts.keys() - range(parts)):
        size = held.parts[part]
        yield Difference(Kind.STRAY, key_of(row.id, part), "beyond the end of a file", size)
    for stray in held.left:
        yield Difference(Kind.STRAY, stray.key, "left beside a file's content", stray.size)


def _gathered(entries: Iterable[StoredPart | Stray], objects: _Objects) -> Iterator[Difference]:
    """Puts entries of the store to the objects that they are of; yields those that are of none."""
    for it in entries:
        if not isinstance(it, Stray):
            objects.setdefault(it.object_id, _Held()).parts[it.part] = it.size
        elif it.object_id is not None:
            objects.setdefault(it.object_id, _Held()).left.append(it)
        else:
            yield Difference(Kind.STRAY, it.key, "nothing of Gatehouse's", it.size)


def _shard(entry: StoredPart | Stray) -> int | None:
    return _last_byte(entry.object_id) if entry.object_id is not None else None


def _last_byte(object_id: UUID) -> int:
    return object_id.bytes[-1]
