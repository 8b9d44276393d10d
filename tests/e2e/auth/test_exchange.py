"""Exchanged tokens (RFC 8693): never wider, never longer, and dead with the session."""

from typing import Any

import jwt
import pytest

from tests.support.clients import Client, Person
from tests.support.refusals import (
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_nothing_asked_for_is_the_same_again(ada: Person) -> None:
    tokens = ada.auth.ExchangeToken().tokens
    assert (list(tokens.scopes), tokens.session) == (["*"], ada.session)
    assert tokens.refresh_token == ""
    assert tokens.refresh_expires_in == 0
    assert claims(tokens.access_token)["exp"] <= claims(ada.tokens.access_token)["exp"]


def test_a_narrower_token_does_less(ada: Person) -> None:
    tokens = ada.auth.ExchangeToken(scopes=["users:read"]).tokens
    narrow = ada.bearing(tokens.access_token)
    assert narrow.users.GetUser(name="users/me").user.name == ada.name
    with refused(PERMISSION_DENIED, reason="SCOPE_MISSING") as refusal:
        narrow.users.UpdateUser(user={"name": "users/me", "display_name": "x"})
    assert refusal.metadata == {"scope": "users:write"}


@pytest.mark.parametrize("scopes", [["*"], ["users:write"], ["users:read", "sessions:read"]])
def test_no_token_is_exchanged_for_a_wider_one(ada: Person, scopes: list[str]) -> None:
    narrow = ada.bearing(ada.auth.ExchangeToken(scopes=["users:read"]).tokens.access_token)
    with refused(PERMISSION_DENIED, reason="SCOPE_MISSING"):
        narrow.auth.ExchangeToken(scopes=scopes)


@pytest.mark.parametrize("scope", ["", "users", "users:delete", "users:*", "* ", "USERS:read"])
def test_a_scope_that_is_none_is_refused(ada: Person, scope: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"scopes[0]"}):
        ada.auth.ExchangeToken(scopes=[scope])


def test_a_shorter_token_is_shorter(ada: Person) -> None:
    tokens = ada.auth.ExchangeToken(lifetime={"seconds": 60}).tokens
    assert 58 <= tokens.expires_in <= 60


@pytest.mark.parametrize(
    "lifetime", [{"seconds": 10**6}, {"seconds": 315_576_000_000}, {"seconds": 10**11, "nanos": 1}]
)
def test_no_token_outlives_the_one_it_is_exchanged_for(
    ada: Person, lifetime: dict[str, int]
) -> None:
    short = ada.auth.ExchangeToken(lifetime={"seconds": 60}).tokens
    longer = ada.bearing(short.access_token).auth.ExchangeToken(lifetime=lifetime).tokens
    assert claims(longer.access_token)["exp"] <= claims(short.access_token)["exp"]


@pytest.mark.parametrize(
    "lifetime",
    [
        {"seconds": 0},
        {"seconds": -5},
        {"nanos": 5},
        {"seconds": 2**62},
    ],
)
def test_a_lifetime_that_is_none_is_refused(ada: Person, lifetime: dict[str, int]) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"lifetime"}):
        ada.auth.ExchangeToken(lifetime=lifetime)


def test_a_token_for_others_is_not_accepted_here(ada: Person) -> None:
    tokens = ada.auth.ExchangeToken(audience="https://billing.example.org").tokens
    assert claims(tokens.access_token)["aud"] == "https://billing.example.org"
    with refused(UNAUTHENTICATED, reason="TOKEN_INVALID"):
        ada.bearing(tokens.access_token).auth.WhoAmI()


@pytest.mark.parametrize("audience", ["a b", "ü", "a\n", "x" * 257])
def test_an_audience_that_is_none_is_refused(ada: Person, audience: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"audience"}):
        ada.auth.ExchangeToken(audience=audience)


def test_who_acted_is_said_once_however_often_they_did(ada: Person) -> None:
    once = ada.auth.ExchangeToken().tokens.access_token
    twice = ada.bearing(once).auth.ExchangeToken().tokens.access_token
    assert "act" not in claims(ada.tokens.access_token)
    assert claims(once)["act"] == {"sub": ada.name}
    assert claims(twice)["act"] == {"sub": ada.name}, "or tokens would grow without end"
    assert ada.bearing(twice).auth.WhoAmI().subject == ada.name


def test_an_exchanged_token_dies_with_the_session(ada: Person) -> None:
    tokens = ada.auth.ExchangeToken(scopes=["users:read"]).tokens
    ada.auth.Logout()
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        ada.bearing(tokens.access_token).users.GetUser(name="users/me")


def test_every_token_has_an_id_of_its_own(ada: Person) -> None:
    made = [ada.auth.ExchangeToken().tokens.access_token for _ in range(3)]
    assert len({claims(it)["jti"] for it in made}) == 3


def test_exchanging_needs_a_token(anonymous: Client) -> None:
    with refused(UNAUTHENTICATED, reason="TOKEN_MISSING"):
        anonymous.auth.ExchangeToken()
