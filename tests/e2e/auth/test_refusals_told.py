"""Refusals that cost nothing are told once a minute, so that nobody fills the audit trail."""

from collections.abc import Callable
from itertools import count

import grpc
import pytest

from service.settings import Rate
from tests.support.house import House
from tests.support.refusals import read

# What is counted under one rate is not under another, and all tests share a Valkey.
_SECONDS = count(2000)
_REFUSED = "SELECT subject, data FROM events WHERE type = 'gatehouse.auth.sign_in_refused'"
Ask = Callable[[House], object]


@pytest.fixture
def strict(open_house: Callable[..., House]) -> House:
    return open_house(login_rate=Rate(3, next(_SECONDS)))


def told(house: House, ask: Ask, *, times: int = 10) -> tuple[set[str], list[tuple[str, object]]]:
    """Why a call is refused that is tried so often, and whom and what the audit trail names."""
    reasons = set()
    for _ in range(times):
        try:
            ask(house)
        except grpc.RpcError as error:
            reasons.add(read(error).reason)
    return reasons, [(row.subject, row.data) for row in house.sql(_REFUSED)]


def begin(house: House) -> object:
    return house.anonymous.auth.BeginFederatedLogin(provider="any", redirect_uri="https://a.org/")


def complete(house: House) -> object:
    return house.anonymous.auth.CompleteFederatedLogin(state="x", code="x")


def ask_for_reset(house: House) -> object:
    return house.anonymous.auth.RequestPasswordReset(email=house.admin.email)


def reset(house: House) -> object:
    return house.anonymous.auth.ResetPassword(token="x", new_password="x")


def verify(house: House) -> object:
    return house.anonymous.auth.VerifyEmail(token="x")


def ask_for_verification(house: House) -> object:
    return house.admin.auth.RequestEmailVerification()


def change_password(house: House) -> object:
    return house.admin.auth.ChangePassword(current_password="x", new_password="y")


@pytest.mark.parametrize("ask", [begin, complete, ask_for_reset, reset, verify])
def test_who_is_throttled_without_an_account_is_told_once_a_minute(strict: House, ask: Ask) -> None:
    reasons, events = told(strict, ask)
    assert "SIGN_IN_THROTTLED" in reasons
    assert events.count(("", {"cause": "throttled"})) == 1


@pytest.mark.parametrize("ask", [ask_for_verification, change_password])
def test_whoever_is_throttled_while_signed_in_is_named(strict: House, ask: Ask) -> None:
    reasons, events = told(strict, ask)
    assert "SIGN_IN_THROTTLED" in reasons
    assert events.count((strict.admin.name, {"cause": "throttled"})) == 1


@pytest.mark.parametrize("ask", [reset, verify])
def test_a_token_from_no_mail_is_told_once_a_minute(
    open_house: Callable[..., House], ask: Ask
) -> None:
    reasons, events = told(open_house(), ask)
    assert reasons == {"MAILED_TOKEN_INVALID"}
    assert events == [("", {"cause": "mailed_token"})]


def test_each_kind_of_refusal_is_told(strict: House) -> None:
    told(strict, reset)
    _, events = told(strict, complete)
    causes = [data["cause"] for _, data in events if isinstance(data, dict)]
    assert causes.count("mailed_token") == causes.count("throttled") == 1
