"""The tokens that are remembered once checked: bounded, and forgotten with the keys."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from service.auth import tokens as tokens_module
from service.auth.errors import TokenInvalid
from service.auth.models import SigningKey
from service.auth.tokens import AccessTokens
from service.kernel.changes import Change, ChangeKind
from service.kernel.clock import Clock

NEW_KEYS = [Change(ChangeKind.SIGNING_KEYS, "1", None, 1)]


class Keys:
    """One key, that can be taken away."""

    def __init__(self) -> None:
        self.signing = SigningKey("1", generate_private_key(SECP256R1()))
        self.gone = False

    def find(self, key_id: str) -> SigningKey | None:
        return None if self.gone else self.signing


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def tokens(keys: Keys) -> AccessTokens:
    return AccessTokens(
        keys,  # type: ignore[arg-type]
        SimpleNamespace(refuse=lambda principal: None),  # type: ignore[arg-type]
        SimpleNamespace(note=lambda principal: None),  # type: ignore[arg-type]
        Clock(),
        issuer="https://id.example.com",
        audience="gatehouse",
        lifetime=timedelta(minutes=5),
    )


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def issued(tokens: AccessTokens, *, scope: str = "*") -> str:
    later = datetime.now(UTC) + timedelta(hours=1)
    return tokens.issue("users/1", "sessions/1", frozenset({scope}), until=later).jwt


def test_a_token_is_checked_once(tokens: AccessTokens) -> None:
    token = issued(tokens)
    assert tokens.verify(token) is tokens.verify(token)
    assert (tokens.misses, tokens.hits) == (1, 1)


def test_a_token_of_unusual_length_is_not_remembered(tokens: AccessTokens) -> None:
    token = issued(tokens, scope="x" * 2000)
    assert tokens.verify(token) == tokens.verify(token)
    assert tokens.hits == 0


def test_no_more_than_so_many_are_remembered_however_many_come_at_once(
    tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch, hasty_threads: None
) -> None:
    monkeypatch.setattr(tokens_module, "_REMEMBERED", 50)
    monkeypatch.setattr(tokens, "_check", lambda token, any_audience: principal)
    principal = SimpleNamespace(expire_time=datetime.now(UTC) + timedelta(hours=1))

    def verify_many(who: int) -> None:
        for number in range(10_000):
            tokens.verify(f"{who}.{number}")

    with ThreadPoolExecutor(4) as callers:
        for done in [callers.submit(verify_many, who) for who in range(4)]:
            done.result()
    assert len(tokens._verified) == 50


def test_a_token_is_checked_again_once_the_keys_have_changed(
    tokens: AccessTokens, keys: Keys
) -> None:
    token = issued(tokens)
    tokens.verify(token)
    keys.gone = True
    tokens.apply(NEW_KEYS)
    with pytest.raises(TokenInvalid):
        tokens.verify(token)


def test_a_token_that_is_being_checked_while_the_keys_change_is_not_remembered(
    tokens: AccessTokens, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issued(tokens)

    def find(key_id: str) -> SigningKey:
        keys.gone = True
        tokens.apply(NEW_KEYS)
        return keys.signing

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(keys, "find", find)
        tokens.verify(token)
    with pytest.raises(TokenInvalid):
        tokens.verify(token)
