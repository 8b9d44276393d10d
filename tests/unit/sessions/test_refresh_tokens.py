"""Refresh tokens: derived, so that any old one is recognised and no forged one is."""

import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sessions import refresh_tokens
from service.sessions.errors import RefreshTokenInvalid

ID = UUID("0190a5b4-0000-7000-8000-00000000abcd")
KEY = b"k" * 32


@given(generation=st.integers(0, 2**32 - 1))
def test_a_token_says_whose_and_which_it_is(generation: int) -> None:
    token = refresh_tokens.derive(ID, KEY, generation)
    presented = refresh_tokens.read(token)
    assert (presented.session_id, presented.generation) == (ID, generation)
    assert presented.is_authentic(KEY)


def test_a_token_is_told_at_sight() -> None:
    assert refresh_tokens.derive(ID, KEY, 0).startswith("ghr_")


def test_the_token_of_a_generation_is_always_the_same() -> None:
    assert refresh_tokens.derive(ID, KEY, 3) == refresh_tokens.derive(ID, KEY, 3)


@pytest.mark.parametrize("position", range(52))
def test_no_byte_of_a_token_can_be_changed(position: int) -> None:
    token = refresh_tokens.derive(ID, KEY, 7).removeprefix("ghr_")
    packed = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    packed[position] ^= 1
    forged = refresh_tokens.read("ghr_" + base64.urlsafe_b64encode(packed).decode().rstrip("="))
    # The first bytes name the session, whose key the service looks up: another's does not fit.
    if position < 16:
        assert forged.session_id != ID
    else:
        assert not forged.is_authentic(KEY)


def test_a_token_of_another_key_is_forged() -> None:
    token = refresh_tokens.derive(ID, b"o" * 32, 7)
    assert not refresh_tokens.read(token).is_authentic(KEY)


def test_a_token_gives_away_no_other() -> None:
    codes = {refresh_tokens.derive(uuid4(), refresh_tokens.new_key(), 1)[-40:] for _ in range(50)}
    assert len(codes) == 50


@pytest.mark.parametrize(
    "text", ["", "ghr_", "x", "ghr_%%", "ghr_" + "A" * 69, "ghr_" + "A" * 71, "ü" * 20, "a.b.c"]
)
def test_what_was_never_a_refresh_token_is_invalid(text: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        refresh_tokens.read(text)


def test_no_code_is_shown() -> None:
    assert "code" not in repr(refresh_tokens.read(refresh_tokens.derive(ID, KEY, 0)))
