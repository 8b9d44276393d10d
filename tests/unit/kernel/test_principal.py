"""What a token may be used for, and whom a call speaks for."""

from datetime import UTC, datetime

import pytest

from service.kernel.call import Call
from service.kernel.principal import Principal

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def _with(*scopes: str) -> Principal:
    return Principal("users/1", "sessions/1", "t", frozenset(scopes), THEN, THEN)


@pytest.mark.parametrize(
    ("scopes", "asked", "carried"),
    [
        (["users:read"], "users:read", True),
        (["users:read"], "users:write", False),
        (["users:write"], "users:read", False),
        (["users:read"], "users", False),
        (["*"], "users:write", True),
        (["users:*"], "users:read", False),
        ([], "users:read", False),
        ([], "", True),
    ],
)
def test_a_token_carries_the_scopes_it_names(scopes: list[str], asked: str, carried: bool) -> None:
    assert _with(*scopes).carries(asked) is carried


def test_users_me_is_the_caller() -> None:
    call = Call("1", caller=_with())
    assert call.resolve("users/me") == "users/1"
    assert call.resolve("users/me/") == "users/me/"
    assert call.resolve("users/2") == "users/2"


@pytest.mark.parametrize(
    ("name", "meant"), [("", "users/1"), ("users/me", "users/1"), ("users/2", "users/2")]
)
def test_a_question_is_about_the_caller_unless_it_names_somebody(name: str, meant: str) -> None:
    assert Call("1", caller=_with()).subject(name) == meant


def test_a_public_call_has_no_principal() -> None:
    call = Call("1", method="/a/B")
    with pytest.raises(LookupError, match="/a/B"):
        _ = call.principal
    assert call.actor == ""
