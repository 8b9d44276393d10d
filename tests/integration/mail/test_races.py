"""Of several who use one token at once, exactly one does."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from service.users.passwords import PasswordHasher
from tests.support.clients import Credentials, Person
from tests.support.house import House
from tests.support.post import give_token
from tests.support.refusals import UNAUTHENTICATED, refused

PASSWORDS = [
    "eleven green lanterns hum",
    "nine orange kettles whistle",
    "two grey owls and a tax",
]


@pytest.fixture
def all_hash_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hashes waits until all do: each has found the token good by then."""
    together = Barrier(len(PASSWORDS))
    really = PasswordHasher.hash

    def hash_together(hasher: PasswordHasher, password: str) -> str:
        together.wait(20)
        return really(hasher, password)

    monkeypatch.setattr(PasswordHasher, "hash", hash_together)


def test_of_several_resets_at_once_one_sets_its_password(
    gatehouse: House, ada: Person, all_hash_at_once: None
) -> None:
    token = give_token(gatehouse, ada.name)
    reset = gatehouse.anonymous.auth.ResetPassword

    def outcome(password: str) -> str:
        try:
            reset(token=token, new_password=password)
        except Exception as error:
            with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
                raise error from None
            return ""
        return password

    with ThreadPoolExecutor() as threads:
        [won] = [it for it in threads.map(outcome, PASSWORDS) if it]
    gatehouse.sign_in(Credentials(ada.name, ada.email, won))


@pytest.mark.parametrize(
    "meantime",
    [
        "DELETE FROM mailed_tokens WHERE user_id = '{}' AND job = 0",
        "UPDATE users SET state = 'SUSPENDED' WHERE id = '{}'",
        "UPDATE users SET email_index = 'another' WHERE id = '{}'",
        "DELETE FROM users WHERE id = '{}'",
    ],
)
def test_a_token_that_dies_while_the_password_is_hashed_sets_none(
    gatehouse: House, ada: Person, meantime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = PasswordHasher.hash

    def hash_and_lose(hasher: PasswordHasher, password: str) -> str:
        gatehouse.sql(meantime.format(ada.name.split("/")[1]))
        return really(hasher, password)

    token = give_token(gatehouse, ada.name)
    give_token(gatehouse, ada.name, token=f"another-of-{ada.name}", job=1)
    monkeypatch.setattr(PasswordHasher, "hash", hash_and_lose)
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        gatehouse.anonymous.auth.ResetPassword(token=token, new_password=PASSWORDS[0])


def test_no_password_is_hashed_for_who_has_no_token(
    gatehouse: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_nothing(_hasher: PasswordHasher, _password: str) -> Any:
        raise AssertionError("hashed")

    monkeypatch.setattr(PasswordHasher, "hash", hash_nothing)
    with refused(UNAUTHENTICATED, reason="MAILED_TOKEN_INVALID"):
        gatehouse.anonymous.auth.ResetPassword(token="x", new_password=PASSWORDS[0])
