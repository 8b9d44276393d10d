"""Data at rest: what a thief of the database cannot read, move or change unseen."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.kernel.crypto import CannotOpen, KeyRing

OLD, NEW = b"o" * 32, b"n" * 32
PLACE = "users/email/1"


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    return KeyRing([OLD])


@given(value=st.binary(max_size=200))
def test_what_is_sealed_opens_in_its_place(value: bytes) -> None:
    ring = KeyRing([OLD])
    assert ring.open(ring.seal(value, PLACE), PLACE) == value


@pytest.mark.parametrize("place", ["users/email/2", "users/display_name/1", "sessions/email/1"])
def test_a_sealed_value_moved_to_another_row_or_column_does_not_open(
    ring: KeyRing, place: str
) -> None:
    sealed = ring.seal(b"ada@example.org", PLACE)
    with pytest.raises(CannotOpen, match="out of place"):
        ring.open(sealed, place)


@pytest.mark.parametrize("position", [4, 15, 16, -1])
def test_a_changed_byte_is_noticed(ring: KeyRing, position: int) -> None:
    sealed = bytearray(ring.seal(b"ada@example.org", PLACE))
    sealed[position] ^= 1
    with pytest.raises(CannotOpen):
        ring.open(bytes(sealed), PLACE)


@pytest.mark.parametrize("length", [0, 3, 4, 10, 16, 20])
def test_a_cut_value_is_noticed(ring: KeyRing, length: int) -> None:
    with pytest.raises(CannotOpen):
        ring.open(ring.seal(b"ada@example.org", PLACE)[:length], PLACE)


def test_equal_values_seal_differently(ring: KeyRing) -> None:
    assert ring.seal(b"same", PLACE) != ring.seal(b"same", PLACE)


def test_a_new_key_in_front_seals_and_the_old_one_still_opens(ring: KeyRing) -> None:
    both = KeyRing([NEW, OLD])
    assert both.open(ring.seal(b"kept", PLACE), PLACE) == b"kept"
    with pytest.raises(CannotOpen, match="no key"):
        ring.open(both.seal(b"newer", PLACE), PLACE)


def test_a_new_key_in_front_leaves_look_ups_and_page_tokens_as_they_are(ring: KeyRing) -> None:
    both = KeyRing([NEW, OLD])
    assert both.blind_index("ada", "users/email") == ring.blind_index("ada", "users/email")
    assert both.sign(b"page", "p") == ring.sign(b"page", "p")


def test_a_blind_index_tells_columns_apart(ring: KeyRing) -> None:
    assert ring.blind_index("ada", "users/email") != ring.blind_index("ada", "users/phone")


def test_a_signature_is_good_for_one_purpose(ring: KeyRing) -> None:
    assert ring.sign(b"x", "users") != ring.sign(b"x", "sessions")


def test_another_key_indexes_and_signs_differently(ring: KeyRing) -> None:
    other = KeyRing([NEW])
    assert other.blind_index("ada", "c") != ring.blind_index("ada", "c")
    assert other.sign(b"x", "p") != ring.sign(b"x", "p")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "ä", f"{'A' * 43}=,"])
def test_what_is_no_key_ring_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="takes base64 keys") as refusal:
        KeyRing.parse(text)
    assert not text or text not in str(refusal.value)


def test_a_ring_is_read_newest_key_first() -> None:
    text = ",".join(base64.b64encode(key).decode() for key in (NEW, OLD))
    sealed = KeyRing.parse(text).seal(b"v", PLACE)
    assert KeyRing([NEW]).open(sealed, PLACE) == b"v"


def test_a_ring_shows_no_key() -> None:
    assert "o" * 8 not in repr(KeyRing([OLD]))
