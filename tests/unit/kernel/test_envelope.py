"""Sealed files: any range opens by itself, and nothing in them changes or moves unseen."""

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.kernel.crypto import CannotOpen
from service.kernel.envelope import (
    OVERHEAD,
    SEGMENT,
    Envelope,
    sealed_range,
    sealed_size,
)

SEALED = SEGMENT + OVERHEAD
CONTENT = random.Random(1).randbytes(4 * SEGMENT + 1)
SIZES = st.one_of(
    st.sampled_from([0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 4 * SEGMENT]),
    st.integers(0, len(CONTENT)),
)


@pytest.fixture(scope="module")
def envelope() -> Envelope:
    return Envelope(b"k" * 32)


@given(size=SIZES, first=st.integers(0, 2**64))
def test_what_is_sealed_opens_in_its_place(size: int, first: int) -> None:
    envelope = Envelope.new()
    sealed = envelope.seal(first, CONTENT[:size])
    assert len(sealed) == sealed_size(size)
    assert Envelope(envelope.key).open(first, sealed) == CONTENT[:size]


@given(size=SIZES, data=st.data())
def test_any_range_opens_by_itself(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size), label="start")
    end = data.draw(st.integers(start, size), label="end")
    envelope = Envelope.new()
    sealed = envelope.seal(64, CONTENT[:size])
    first, last = sealed_range(start, end, size)
    opened = envelope.open(64 + start // SEGMENT, sealed[first:last])
    before = start % SEGMENT
    assert opened[before : before + end - start] == CONTENT[start:end]
    assert last <= len(sealed)
    assert last - first <= (end - start) + 2 * SEALED


def test_segments_sealed_one_after_the_other_are_those_sealed_at_once(envelope: Envelope) -> None:
    apart = [
        envelope.seal(segment, memoryview(CONTENT)[segment * SEGMENT : (segment + 1) * SEGMENT])
        for segment in range(5)
    ]
    assert b"".join(apart) == envelope.seal(0, bytearray(CONTENT))


def test_no_content_seals_to_none(envelope: Envelope) -> None:
    assert envelope.seal(0, b"") == b""
    assert envelope.open(0, b"") == b""
    assert sealed_size(0) == 0


def test_a_sealed_segment_says_nothing_of_its_content(envelope: Envelope) -> None:
    sealed = envelope.seal(0, bytes(2 * SEGMENT))
    assert bytes(16) not in sealed
    assert sealed[:SEGMENT] != sealed[SEALED : SEALED + SEGMENT]


@given(position=st.integers(0, sealed_size(len(CONTENT)) - 1), bit=st.integers(0, 7))
def test_a_changed_bit_is_noticed(position: int, bit: int) -> None:
    envelope = Envelope(b"k" * 32)
    sealed = bytearray(envelope.seal(0, CONTENT))
    sealed[position] ^= 1 << bit
    refuses(envelope, 0, sealed)


def test_swapped_segments_are_noticed(envelope: Envelope) -> None:
    sealed = envelope.seal(0, CONTENT)
    refuses(envelope, 0, sealed[SEALED : 2 * SEALED] + sealed[:SEALED] + sealed[2 * SEALED :])


def test_a_repeated_or_dropped_segment_is_noticed(envelope: Envelope) -> None:
    sealed = envelope.seal(0, CONTENT)
    refuses(envelope, 0, sealed[:SEALED] + sealed[:SEALED])
    refuses(envelope, 0, sealed[SEALED:])
    refuses(envelope, 0, sealed[:SEALED] + sealed[2 * SEALED :])


@pytest.mark.parametrize("asked", [0, 63, 65, 2**32 + 64])
def test_a_part_that_stands_elsewhere_is_noticed(envelope: Envelope, asked: int) -> None:
    refuses(envelope, asked, envelope.seal(64, CONTENT))


def test_another_objects_segment_is_noticed() -> None:
    one, other = Envelope.new(), Envelope.new()
    assert one.key != other.key
    sealed = one.seal(0, CONTENT)
    refuses(one, 0, sealed[:SEALED] + other.seal(1, CONTENT[SEGMENT : 2 * SEGMENT]))


@given(length=st.integers(1, sealed_size(len(CONTENT)) - 1).filter(lambda it: it % SEALED))
def test_a_segment_cut_short_is_noticed(length: int) -> None:
    envelope = Envelope(b"k" * 32)
    refuses(envelope, 0, envelope.seal(0, CONTENT)[:length])


def test_a_cut_between_segments_shows_by_the_size_alone(envelope: Envelope) -> None:
    cut = envelope.seal(0, CONTENT)[: 3 * SEALED]
    assert envelope.open(0, cut) == CONTENT[: 3 * SEGMENT]
    assert len(cut) < sealed_size(len(CONTENT))


def test_a_content_is_held_once_while_it_is_sealed_or_opened(envelope: Envelope) -> None:
    content = bytes(64 * SEGMENT)
    sealed = envelope.seal(0, content)
    for use in (lambda: envelope.seal(0, content), lambda: envelope.open(0, sealed)):
        tracemalloc.start()
        done = use()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < len(done) + 2 * SEGMENT


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_is_of_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="a key of 32 bytes"):
        Envelope(bytes(length))


def test_the_key_is_in_no_repr_and_no_error() -> None:
    envelope = Envelope(b"hunter2-hunter2-hunter2-hunter2-")
    assert "hunter2" not in repr(envelope)
    with pytest.raises(CannotOpen) as caught:
        envelope.open(0, b"nonsense")
    assert "hunter2" not in str(caught.value)


def refuses(envelope: Envelope, first: int, sealed: bytes | bytearray) -> None:
    with pytest.raises(CannotOpen, match="damaged or out of place"):
        envelope.open(first, sealed)
