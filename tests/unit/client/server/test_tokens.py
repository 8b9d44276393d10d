"""Which tokens are good, and with which keys.

Every test holds for `grpc.server` and for `grpc.aio.server`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from gatehouse_client.server import (
    verification,
)
from tests.unit.client.server.conftest import UNAUTHENTICATED, UNAVAILABLE, Protected, reason_of
from tests.unit.client.server.small_gatehouse import (
    ADA,
    SmallGatehouse,
    new_key,
    token,
)

FORGED: dict[str, Callable[[SmallGatehouse], str]] = {
    "another issuer": lambda it: it.token(iss="https://evil.test"),
    "another audience": lambda it: it.token(aud="elsewhere"),
    "another type": lambda it: it.token(headers={"typ": "JWT"}),
    "no type": lambda it: it.token(headers={"typ": None}),
    "a critical header": lambda it: it.token(headers={"crit": ["x"], "x": 1}),
    "another's key": lambda it: token(new_key(), headers={"kid": it.keys[0].id}),
    "an unknown key": lambda it: token(new_key()),
    "no key": lambda it: it.token(headers={"kid": ""}),
    "nonsense": lambda it: "nonsense",
    **{
        f"no {claim}": lambda it, claim=claim: it.token(without=claim)
        for claim in ("exp", "iss", "aud", "sub", "iat", "jti", "sid", "scope")
    },
    "no signature": lambda it: it.token().rpartition(".")[0] + ".",
    "an actor that is none": lambda it: it.token(act="x"),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_token_is_refused(protected: Protected, forged: str) -> None:
    client = protected.client.bearing(FORGED[forged](protected.gatehouse))
    assert reason_of(lambda: client.call("Whoever", "a")) == (UNAUTHENTICATED, "TOKEN_INVALID")
    assert protected.trial.handled == []


def test_an_expired_token_is_refused_and_so_is_one_that_expires_while_it_is_remembered(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = protected.client.bearing(protected.gatehouse.token(exp=1_700_000_000))
    assert reason_of(lambda: old.call("Whoever", "a")) == (UNAUTHENTICATED, "TOKEN_EXPIRED")
    protected.client.answers("Whoever", "a")
    now = verification.time()
    monkeypatch.setattr(verification, "time", lambda: now + 700)
    refused = reason_of(lambda: protected.client.call("Whoever", "a"))
    assert refused == (UNAUTHENTICATED, "TOKEN_EXPIRED")


def test_a_new_key_is_found(protected: Protected, monkeypatch: pytest.MonkeyPatch) -> None:
    protected.client.answers("Whoever", "a")
    monkeypatch.setattr(verification, "_RELOAD_AT_MOST_EVERY", 0.0)
    protected.gatehouse.keys.insert(0, new_key())
    client = protected.client.bearing(protected.gatehouse.token())
    assert client.answers("Whoever", "a") == [f"{ADA} a"]


def test_a_key_that_is_no_longer_published_verifies_nothing(protected: Protected) -> None:
    protected.client.answers("Whoever", "a")
    protected.gatehouse.keys[:] = [new_key()]
    protected.guard._authorizer._verifier.reload()
    refused = reason_of(lambda: protected.client.call("Whoever", "a"))
    assert refused == (UNAUTHENTICATED, "TOKEN_INVALID")


def test_many_tokens_with_unknown_keys_do_not_become_many_questions(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_RELOAD_AT_MOST_EVERY", 600.0)
    protected.client.answers("Whoever", "a")
    loads = protected.gatehouse.key_loads
    with ThreadPoolExecutor(8) as pool:
        clients = [protected.client.bearing(token(new_key())) for _ in range(50)]
        refused = pool.map(lambda it: reason_of(lambda: it.call("Whoever", "a")), clients)
        assert set(refused) == {(UNAUTHENTICATED, "TOKEN_INVALID")}
    assert protected.gatehouse.key_loads - loads <= 1


def test_keys_that_cannot_be_had_are_no_reason_to_call_a_token_forged(
    protected: Protected,
) -> None:
    protected.gatehouse.publishing = grpc.StatusCode.INTERNAL
    for _ in range(2):
        refused = reason_of(lambda: protected.client.call("Whoever", "a"))
        assert refused == (UNAVAILABLE, "GATEHOUSE_UNREACHABLE")
