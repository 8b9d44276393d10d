"""The secrets of API keys: found and known for real by what they look like alone."""

import re
import zlib
from uuid import UUID

import pytest

from service.kernel import names
from service.serviceaccounts import key_secrets
from service.serviceaccounts.errors import ApiKeyInvalid
from service.serviceaccounts.models import IssuedKey

# What the documentation gives to secret scanners.
PATTERN = re.compile(r"\bgatehouse_[0-9A-Za-z]{71}\b")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KNOWN = UUID("0190a5b4-0000-7000-8000-000000000001")


def checksum(body: str) -> str:
    """As somebody else would compute it."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits


@pytest.mark.parametrize(
    "key_id", [KNOWN, UUID(int=0), UUID(int=2**128 - 1), UUID(int=62**21)], ids=str
)
def test_a_secret_says_which_key_it_is_of(key_id: UUID) -> None:
    secret = key_secrets.new(key_id)
    assert key_secrets.read(secret) == key_id
    assert PATTERN.fullmatch(secret)


def test_a_scanner_finds_it_and_knows_it_for_real_offline() -> None:
    secret = key_secrets.new(names.new_id())
    [found] = PATTERN.findall(f'KEY = "{secret}";')
    assert found == secret
    assert secret[-6:] == checksum(secret[len("gatehouse_") : -6])


def test_no_two_are_alike() -> None:
    assert len({key_secrets.new(KNOWN) for _ in range(1000)}) == 1000


def test_keys_made_together_are_told_apart_by_what_is_shown() -> None:
    shown = {key_secrets.shown(key_secrets.new(names.new_id())) for _ in range(200)}
    assert len(shown) > 190
    assert {len(one) for one in shown} == {16}


def test_any_one_character_changed_is_noticed() -> None:
    secret = key_secrets.new(KNOWN)
    for place, right in enumerate(secret):
        for wrong in {"0", "z", "_", "é", "\0"} - {right}:
            with pytest.raises(ApiKeyInvalid):
                key_secrets.read(secret[:place] + wrong + secret[place + 1 :])


@pytest.mark.parametrize(
    "secret", ["", "gatehouse_", "x" * 81, "gatehouse_" + "0" * 71, "gatehouse_" + "é" * 71]
)
def test_what_was_never_a_secret_is_refused(secret: str) -> None:
    with pytest.raises(ApiKeyInvalid):
        key_secrets.read(secret)


def test_nor_is_one_with_more_or_less_around_it_a_secret() -> None:
    secret = key_secrets.new(KNOWN)
    for wrong in (secret[:-1], secret + "0", " " + secret, "GATEHOUSE_" + secret[10:], secret[1:]):
        with pytest.raises(ApiKeyInvalid):
            key_secrets.read(wrong)


@pytest.mark.parametrize("start", ["z" * 22, "_" * 22, "-" * 22])
def test_an_id_that_is_none_is_refused_though_its_checksum_is_right(start: str) -> None:
    body = start + "0" * 43
    with pytest.raises(ApiKeyInvalid):
        key_secrets.read("gatehouse_" + body + checksum(body))


def test_neither_the_secret_nor_its_hash_shows_in_a_repr() -> None:
    secret = key_secrets.new(KNOWN)
    assert secret not in repr(IssuedKey(key=None, secret=secret))  # type: ignore[arg-type]
