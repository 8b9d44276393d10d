"""Permissions are asked for, and remembered until Gatehouse says that something has changed.

Every test holds for `grpc.server` and for `grpc.aio.server`.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
import pytest
from gatehouse.auth.v1.tokens_pb2 import Revocation

from gatehouse_client.server import (
    decisions,
    verification,
)
from tests.support.waiting import wait_until
from tests.unit.client.server.conftest import (
    PERMISSION_DENIED,
    UNAVAILABLE,
    Protected,
    reason_of,
    refusal_of,
)


def test_a_decision_is_remembered_until_the_revision_moves(protected: Protected) -> None:
    for _ in range(3):
        protected.client.answers("Ask", "a")
    assert len(protected.gatehouse.checks) == 1
    protected.gatehouse.allowed.clear()
    protected.gatehouse.say(revision="revision-1")
    wait_until(lambda: protected.guard._authorizer._feed.revision == "revision-1", "the news")
    refused = reason_of(lambda: protected.client.call("Ask", "a"))
    assert refused == (PERMISSION_DENIED, "PERMISSION_MISSING")
    second = protected.gatehouse.checks[1]
    assert second.consistency.at_least_as_fresh == "revision-1"


def test_a_beat_does_not_forget_decisions(protected: Protected) -> None:
    protected.client.answers("Ask", "a")
    protected.gatehouse.say()
    protected.gatehouse.say(Revocation(session="sessions/2"))
    wait_until(lambda: protected.guard._authorizer._feed._until, "the news")
    protected.client.answers("Ask", "a")
    assert len(protected.gatehouse.checks) == 1


def test_a_decision_that_was_overtaken_by_news_is_not_remembered(protected: Protected) -> None:
    protected.client.answers("Whoever", "a")
    protected.gatehouse.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(protected.client.answers, "Ask", "a")
        wait_until(lambda: protected.gatehouse.checks, "the question")
        protected.gatehouse.say(revision="revision-1")
        wait_until(lambda: protected.guard._authorizer._feed.revision == "revision-1", "the news")
        protected.gatehouse.hold.set()
        asked.result()
    protected.gatehouse.allowed.clear()
    assert reason_of(lambda: protected.client.call("Ask", "a"))[0] is PERMISSION_DENIED


def test_a_decision_is_not_remembered_for_long(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "_BELIEVED", 0.0)
    for _ in range(3):
        protected.client.answers("Ask", "a")
    assert len(protected.gatehouse.checks) == 3


def test_only_so_many_decisions_are_remembered(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "_REMEMBERED", 2)
    monkeypatch.setattr(verification, "_REMEMBERED", 2)
    for number in range(5):
        client = protected.client.bearing(protected.gatehouse.token())
        call = partial(client.call, "Ask", f"n{number}")
        assert reason_of(call)[0] is PERMISSION_DENIED
    assert len(protected.guard._authorizer._decisions._kept) == 2
    assert len(protected.guard._authorizer._verifier._verified) == 2


@pytest.mark.parametrize(
    "code",
    [
        UNAVAILABLE,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INTERNAL,
    ],
)
def test_no_decision_is_no_permission(protected: Protected, code: grpc.StatusCode) -> None:
    protected.gatehouse.checking = code
    refusal = refusal_of(lambda: protected.client.call("Ask", "a"))
    assert (refusal.code, refusal.reason) == (UNAVAILABLE, "GATEHOUSE_UNREACHABLE")
    assert refusal.retry_after == 1.0
    assert protected.trial.handled == []
