"""Passwords: which are taken (NIST SP 800-63B-4, 3.1.1), and that hashing judges all of one."""

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from passlib.hash import argon2, bcrypt, bcrypt_sha256, pbkdf2_sha256, pbkdf2_sha512, scrypt
from zxcvbn import zxcvbn

from service.users.errors import PasswordRejected
from service.users.passwords import PasswordHasher, require_acceptable

GOOD = "seven purple anvils sing"
COMPOSED = unicodedata.normalize("NFC", "éclair über façade 77 Ångström")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.fixture(scope="module")
def hasher() -> Iterator[PasswordHasher]:
    made = PasswordHasher(cost=4)
    yield made
    made.stop()


def judged(password: str, *, about: list[str] | None = None, second_factor: bool = False) -> str:
    """What is wrong with a password; empty when it is taken."""
    try:
        require_acceptable(password, about=about or [], second_factor=second_factor, field="p")
    except PasswordRejected as refusal:
        [violation] = refusal.violations
        return violation.description
    return ""


def test_a_refused_password_is_not_repeated() -> None:
    with pytest.raises(PasswordRejected) as refusal:
        require_acceptable("qwertyuiopasdfgh", about=[], second_factor=False, field="new_password")
    assert "qwerty" not in refusal.value.message
    assert [it.field for it in refusal.value.violations] == ["new_password"]


def test_fourteen_characters_are_too_few_and_fifteen_are_enough() -> None:
    password = "vx4 kqzt mwpj rl"
    assert "15" in judged(password[:14])
    assert judged(password[:15]) == ""


def test_with_a_second_factor_eight_are_enough() -> None:
    assert judged("vx4kqztm", second_factor=True) == ""
    assert "8" in judged("vx4kqzt", second_factor=True)


@pytest.mark.parametrize("length", [64, 65, 200, 1024])
def test_long_passwords_are_taken(length: int) -> None:
    assert judged((GOOD * 50)[:length]) == ""


def test_more_than_1024_characters_are_too_many() -> None:
    assert "1024" in judged((GOOD * 50)[:1025])
    assert "1024" in judged(GOOD * 100_000)


@pytest.mark.parametrize(
    "password",
    [
        "all lower case words here",
        "ALLUPPERCASEWORDSANDNOSPACE",
        "829473615028374659183746",
        "пароль из нескольких слов",
        "🦀🐙🦑🦞🐚🦀🐙 crab 🦑🦞🐚",
        "    spaces    count    too   x",
    ],
)
def test_there_are_no_rules_of_composition(password: str) -> None:
    assert judged(password) == ""


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "aaaaaaaaaaaaaaaaaaaa",
        "qwertyuiopasdfgh",
        "123456789012345",
        "abcabcabcabcabc",
    ],
)
def test_what_is_easily_guessed_is_refused(password: str) -> None:
    assert "harder to guess" in judged(password)


def test_what_a_guesser_would_know_of_the_user_is_easily_guessed() -> None:
    assert "harder" in judged("lovelacelovelace", about=["ada", "lovelace"])


def test_the_length_is_that_of_the_composed_form() -> None:
    fourteen = unicodedata.normalize("NFD", "é" * 5 + "vx4kqztmw")
    assert len(fourteen) > 15
    assert "15" in judged(fourteen)


def test_no_password_keeps_the_estimate_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One chosen for it, of 72 characters, did so for two seconds, and everyone waited."""
    lengths: list[int] = []

    def estimate(password: str, **given: Any) -> Any:
        lengths.append(len(password))
        return zxcvbn(password, **given)

    monkeypatch.setattr("zxcvbn.zxcvbn", estimate)
    judged("4@8({[<369&#!1/|0$5+7%2" * 3)
    assert lengths == [24]


@pytest.mark.parametrize("letters", [700, 1024])
def test_a_password_of_any_allowed_length_opens_however_its_accents_are_composed(
    hasher: PasswordHasher, letters: int
) -> None:
    long = (COMPOSED * 40)[:letters]
    decomposed = unicodedata.normalize("NFD", long)
    assert judged(decomposed) == judged(long) == ""
    assert hasher.verify(decomposed, hasher.hash(long)).right
    assert hasher.verify(long, hasher.hash(decomposed)).right


def test_too_many_decomposed_characters_are_too_many(hasher: PasswordHasher) -> None:
    for letters in (1025, 5_000):
        long = unicodedata.normalize("NFD", (COMPOSED * 200)[:letters])
        assert "1024" in judged(long)
        assert not hasher.verify(long, hasher.hash(GOOD)).right


def test_a_right_password_is_right(hasher: PasswordHasher) -> None:
    kept = hasher.hash(GOOD)
    assert hasher.verify(GOOD, kept).right
    assert not hasher.verify(GOOD + " ", kept).right


def test_equal_passwords_hash_differently(hasher: PasswordHasher) -> None:
    assert hasher.hash(GOOD) != hasher.hash(GOOD)


def test_the_tail_of_a_long_password_matters(hasher: PasswordHasher) -> None:
    long = "x" * 100
    kept = hasher.hash(long + "a")
    assert hasher.verify(long + "a", kept).right
    assert not hasher.verify(long + "b", kept).right


@pytest.mark.parametrize(("at_first", "later"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_however_accents_are_composed_it_is_the_same_password(
    hasher: PasswordHasher, at_first: str, later: str
) -> None:
    assert at_first != later
    assert hasher.verify(later, hasher.hash(at_first)).right


def test_without_a_kept_hash_every_password_is_wrong(hasher: PasswordHasher) -> None:
    assert not hasher.verify(GOOD, None).right


def test_an_over_long_password_is_wrong_even_where_its_start_is_right(
    hasher: PasswordHasher,
) -> None:
    kept = hasher.hash("y" * 1024)
    assert not hasher.verify("y" * 1025, kept).right


IMPORTED = {
    "bcrypt": bcrypt.using(rounds=4),
    "argon2": argon2.using(time_cost=1, memory_cost=8, parallelism=1),
    "scrypt": scrypt.using(rounds=4),
    "pbkdf2_sha256": pbkdf2_sha256.using(rounds=10),
    "pbkdf2_sha512": pbkdf2_sha512.using(rounds=10),
}


@pytest.mark.parametrize("scheme", IMPORTED)
def test_an_imported_hash_is_checked_and_upgraded(hasher: PasswordHasher, scheme: str) -> None:
    verified = hasher.verify(GOOD, IMPORTED[scheme].hash(GOOD))
    assert verified.right
    assert verified.new_hash is not None
    assert verified.new_hash.startswith("$bcrypt-sha256$v=2,")
    assert hasher.verify(GOOD, verified.new_hash).right


@pytest.mark.parametrize("scheme", IMPORTED)
def test_a_wrong_password_upgrades_nothing(hasher: PasswordHasher, scheme: str) -> None:
    verified = hasher.verify("wrong", IMPORTED[scheme].hash(GOOD))
    assert (verified.right, verified.new_hash) == (False, None)


@pytest.mark.parametrize("scheme", [*IMPORTED, "ours"])
@pytest.mark.parametrize(
    "password", ["a\0b", "\0", "é" * 500, "x" * 73, "x" * 1024, "\ud7ff" * 1024]
)
def test_no_password_makes_the_check_fail(
    hasher: PasswordHasher, scheme: str, password: str
) -> None:
    kept = hasher.hash(GOOD) if scheme == "ours" else IMPORTED[scheme].hash(GOOD)
    assert not hasher.verify(password, kept).right


def test_an_imported_bcrypt_hash_takes_the_first_72_bytes_as_the_others_system_did(
    hasher: PasswordHasher,
) -> None:
    long = "correct horse battery staple " * 4
    kept = IMPORTED["bcrypt"].hash(long.encode()[:72])
    assert hasher.verify(long, kept).right


def test_a_hash_of_a_lower_cost_is_upgraded(hasher: PasswordHasher) -> None:
    costlier = PasswordHasher(cost=5)
    try:
        verified = costlier.verify(GOOD, hasher.hash(GOOD))
        assert verified.right
        assert verified.new_hash is not None
        assert bcrypt_sha256.from_string(verified.new_hash).rounds == 5
    finally:
        costlier.stop()


@pytest.mark.parametrize("kept", ["", "plain", "$2b$", "$unknown$x", "{SSHA}abc"])
def test_a_kept_hash_that_is_none_opens_nothing(hasher: PasswordHasher, kept: str) -> None:
    assert not hasher.verify(GOOD, kept).right
