"""What every object store does, wherever it keeps its objects."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from service.kernel.errors import Unavailable
from service.storage.objects import (
    ObjectStore,
    PartMissing,
    StoredPart,
    StoreUnavailable,
    Stray,
)
from tests.support.places import Place, read

ONE = UUID("6a1c7a62-31f6-4a5c-9a46-2f1f5a3c11ab")
BESIDE = UUID("6a1c7a62-31f6-4a5c-9a46-2f1f5a3c22ab")  # with the same last two digits
FOLDER = f"ab/{ONE}"

USES: list[Callable[[ObjectStore], object]] = [
    lambda store: store.put(ONE, 0, b"hello"),
    lambda store: read(store, ONE, 0, 0, 1),
    lambda store: store.delete(ONE),
    lambda store: list(store.parts()),
    lambda store: store.check(),
]


def test_what_is_put_is_read_as_a_whole_and_by_ranges(objects: ObjectStore) -> None:
    content = random.Random(1).randbytes(300_000)
    objects.put(ONE, 0, content)
    objects.settle(ONE)
    for start, length in [(0, 300_000), (0, 1), (1, 65_536), (299_999, 1), (123_456, 100_000)]:
        assert read(objects, ONE, 0, start, length) == content[start : start + length]


def test_each_part_and_each_object_has_its_own_content(objects: ObjectStore) -> None:
    for object_id, part in [(ONE, 0), (ONE, 1), (BESIDE, 0), (ONE, 99_999)]:
        objects.put(object_id, part, f"{object_id} {part}".encode())
    assert read(objects, ONE, 1, 37, 1) == b"1"
    assert read(objects, ONE, 99_999, 37, 5) == b"99999"
    assert read(objects, BESIDE, 0, 0, 36).decode() == str(BESIDE)


@pytest.mark.parametrize(
    "content", [b"hello", bytearray(b"hello"), memoryview(bytearray(b"<hello>"))[1:-1]]
)
def test_a_part_is_put_from_any_bytes(
    objects: ObjectStore, content: bytes | bytearray | memoryview
) -> None:
    objects.put(ONE, 0, content)
    assert read(objects, ONE, 0, 0, 5) == b"hello"


def test_a_part_put_again_is_replaced(objects: ObjectStore) -> None:
    objects.put(ONE, 0, b"the longer of the two")
    objects.put(ONE, 0, b"the shorter")
    assert read(objects, ONE, 0, 0, 11) == b"the shorter"
    assert list(objects.parts()) == [StoredPart(ONE, 0, 11)]


@pytest.mark.parametrize(("start", "length"), [(0, 6), (4, 2), (5, 1), (9, 1), (0, 10_000_000)])
def test_what_a_part_has_not_is_missing(objects: ObjectStore, start: int, length: int) -> None:
    objects.put(ONE, 0, b"hello")
    with pytest.raises(PartMissing):
        read(objects, ONE, 0, start, length)


def test_a_part_that_is_not_there_is_missing(objects: ObjectStore) -> None:
    objects.put(ONE, 0, b"hello")
    for object_id, part in [(ONE, 1), (BESIDE, 0), (uuid4(), 0)]:
        with pytest.raises(PartMissing):
            read(objects, object_id, part, 0, 1)


def test_a_part_may_be_empty(objects: ObjectStore) -> None:
    objects.put(ONE, 0, b"")
    assert list(objects.parts()) == [StoredPart(ONE, 0, 0)]
    assert read(objects, ONE, 0, 0, 0) == b""
    with pytest.raises(PartMissing):
        read(objects, ONE, 0, 0, 1)


def test_an_object_without_parts_settles(objects: ObjectStore) -> None:
    objects.settle(ONE)


def test_an_object_is_deleted_with_all_its_parts_and_nothing_else(
    objects: ObjectStore, place: Place
) -> None:
    for part in range(30):
        objects.put(ONE, part, b"hello")
    objects.put(BESIDE, 0, b"stays")
    objects.delete(ONE)
    assert place.keys() == {f"ab/{BESIDE}/00000"}
    with pytest.raises(PartMissing):
        read(objects, ONE, 0, 0, 1)


def test_what_is_deleted_or_never_was_can_be_deleted(objects: ObjectStore) -> None:
    objects.put(ONE, 0, b"hello")
    for object_id in (ONE, ONE, BESIDE, uuid4()):
        objects.delete(object_id)
    objects.put(ONE, 0, b"back")
    assert read(objects, ONE, 0, 0, 4) == b"back"


def test_every_part_is_listed(objects: ObjectStore) -> None:
    expected = {StoredPart(uuid4(), part, 3 + part) for part in range(3) for _ in range(20)}
    for it in expected:
        objects.put(it.object_id, it.part, bytes(it.size))
    listed = list(objects.parts())
    assert set(listed) == expected
    assert len(listed) == len(expected)


STRAYS = [
    "note.txt",
    "ab/note.txt",
    f"{FOLDER}/note.txt",
    f"{FOLDER}/1",
    f"{FOLDER}/100000",
    f"{FOLDER}/00000.bak",
    f"{FOLDER}/down/00000",
    f"ac/{ONE}/00000",
    f"ab/{str(ONE).upper()}/00000",
    f"ab/{ONE.hex}/00000",
    f"elsewhere/{FOLDER}/00000",
    f"{FOLDER} of someone/00000",
    "ab/Café %41%2e #1?",
]


def test_what_is_no_part_is_listed_as_such_and_never_deleted(
    objects: ObjectStore, place: Place
) -> None:
    for key in STRAYS:
        place.lay(key, key.encode())
    objects.put(ONE, 0, b"hello")
    strays = {Stray(key, len(key.encode())) for key in STRAYS}
    assert set(objects.parts()) == {StoredPart(ONE, 0, 5), *strays}
    objects.delete(ONE)
    assert place.keys() == set(STRAYS)


def test_ten_objects_can_be_put_at_once(objects: ObjectStore) -> None:
    ids = [UUID(int=number * 256 + number % 2) for number in range(10)]

    def put(object_id: UUID) -> None:
        for part in range(8):
            objects.put(object_id, part, object_id.bytes * 1000)
        objects.settle(object_id)

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(put, ids))
    assert set(objects.parts()) == {StoredPart(it, part, 16_000) for it in ids for part in range(8)}
    assert all(read(objects, it, 7, 15_984, 16) == it.bytes for it in ids)


def test_a_store_that_can_be_used_passes_its_check_and_keeps_nothing_of_it(
    objects: ObjectStore, place: Place
) -> None:
    objects.check()
    assert place.keys() == set()


@pytest.mark.parametrize("use", USES, ids=["put", "read", "delete", "parts", "check"])
def test_a_store_that_is_away_is_unavailable_and_nothing_of_it_is_told(
    objects: ObjectStore, place: Place, use: Callable[[ObjectStore], object]
) -> None:
    objects.put(ONE, 0, b"hello")
    with place.away(), pytest.raises(StoreUnavailable) as caught:
        use(objects)
    assert isinstance(caught.value, Unavailable)
    assert caught.value.message == "The file store is not available; try again."
    assert caught.value.metadata == {}
    assert caught.value.__cause__ is not None


def test_a_store_that_comes_back_is_used_again(objects: ObjectStore, place: Place) -> None:
    with place.away(), pytest.raises(StoreUnavailable):
        objects.put(ONE, 0, b"hello")
    for use in USES:
        use(objects)
