"""Asking for mails, and guessing tokens, is counted as sign-ins are."""

from collections.abc import Callable
from itertools import count
from typing import Any

import grpc
import pytest

from service.settings import Rate
from tests.support.house import House, new_email
from tests.support.refusals import RESOURCE_EXHAUSTED, refused


def guess(method: Any, **fields: str) -> None:
    """A token that is none; other refusals than for that are the test's."""
    try:
        method(token="x", **fields)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
            raise


CALLS: dict[str, Callable[[Any], object]] = {
    "asking for the mail of one account": lambda auth: auth.RequestPasswordReset(email="a@b.org"),
    "asking from one address": lambda auth: auth.RequestPasswordReset(email=new_email()),
    "guessing for a reset": lambda auth: guess(auth.ResetPassword, new_password="x"),
    "guessing for an address": lambda auth: guess(auth.VerifyEmail),
}


# What is counted under one rate is not under another, and all tests share a Valkey.
_SECONDS = count(600)


@pytest.fixture
def strict(open_house: Callable[..., House]) -> House:
    return open_house(login_rate=Rate(3, next(_SECONDS)))


@pytest.mark.parametrize("what", CALLS)
def test_too_much_is_refused(strict: House, what: str) -> None:
    with refused(RESOURCE_EXHAUSTED, reason="SIGN_IN_THROTTLED"):
        for _ in range(10):
            CALLS[what](strict.anonymous.auth)


def test_so_is_who_asks_for_their_own_address(strict: House) -> None:
    with refused(RESOURCE_EXHAUSTED, reason="SIGN_IN_THROTTLED"):
        for _ in range(10):
            strict.admin.auth.RequestEmailVerification()
