"""Introspection (RFC 7662): everything of a good token, nothing of any other."""

import base64

import pytest
from gatehouse.auth.v1 import auth_service_pb2 as pb

from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import INVALID_ARGUMENT, PERMISSION_DENIED, UNAUTHENTICATED, refused

INACTIVE = pb.IntrospectTokenResponse()


def test_ones_own_token_is_told_whole(ada: Person) -> None:
    found = ada.auth.IntrospectToken(token=ada.tokens.access_token)
    assert found.active
    assert (found.subject, found.session, list(found.scopes)) == (ada.name, ada.session, ["*"])
    assert found.expire_time.seconds - found.issue_time.seconds in range(598, 601)


def test_a_token_for_others_is_told_too(ada: Person) -> None:
    token = ada.auth.ExchangeToken(audience="billing", scopes=["users:read"]).tokens.access_token
    found = ada.auth.IntrospectToken(token=token)
    assert (found.active, list(found.scopes)) == (True, ["users:read"])


def test_looking_at_a_token_for_others_does_not_make_it_good_here(ada: Person) -> None:
    token = ada.auth.ExchangeToken(audience="billing").tokens.access_token
    assert ada.auth.IntrospectToken(token=token).active
    with refused(UNAUTHENTICATED, reason="TOKEN_INVALID"):
        ada.bearing(token).auth.WhoAmI()


def test_others_tokens_are_told_to_who_may(auditor: Person, ada: Person, bob: Person) -> None:
    assert auditor.auth.IntrospectToken(token=ada.tokens.access_token).subject == ada.name
    assert bob.auth.IntrospectToken(token=ada.tokens.access_token) == INACTIVE


def test_a_dead_token_says_nothing(gatehouse: House, auditor: Person, ada: Person) -> None:
    other = gatehouse.sign_in(ada.credentials)
    other.auth.Logout()
    for client in (ada, auditor):
        assert client.auth.IntrospectToken(token=other.tokens.access_token) == INACTIVE


def _nested(depth: int) -> str:
    return base64.urlsafe_b64encode(b"[" * depth).decode().rstrip("=") + ".e30.AA"


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "..",
        "\0",
        "ü.ü.ü",
        "Bearer x",
        "A" * 16384,
        "e30.e30.",
        _nested(100),
        _nested(11_000),
    ],
    ids=lambda it: it[:8],
)
def test_what_is_no_token_says_nothing(ada: Person, token: str) -> None:
    assert ada.auth.IntrospectToken(token=token) == INACTIVE


def test_a_refresh_token_says_nothing(ada: Person) -> None:
    assert ada.auth.IntrospectToken(token=ada.tokens.refresh_token) == INACTIVE


@pytest.mark.parametrize("token", ["", "A" * 16385])
def test_a_request_that_is_none_is_refused(ada: Person, token: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"token"}):
        ada.auth.IntrospectToken(token=token)


def test_introspection_takes_a_scope(ada: Person) -> None:
    narrow = ada.auth.ExchangeToken(scopes=["users:read"]).tokens.access_token
    with refused(PERMISSION_DENIED, reason="SCOPE_MISSING"):
        ada.bearing(narrow).auth.IntrospectToken(token=narrow)
