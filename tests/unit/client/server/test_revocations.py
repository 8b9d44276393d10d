"""What is revoked is refused at once, and nobody is let in while it cannot be known.

Every test holds for `grpc.server` and for `grpc.aio.server`.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from gatehouse.auth.v1.tokens_pb2 import Revocation
from google.protobuf.wrappers_pb2 import StringValue

from gatehouse_client.server import (
    aio_interceptor,
    feed,
)
from tests.support.waiting import wait_until
from tests.unit.client.server.conftest import (
    RULES,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Protected,
    reason_of,
    refusal_of,
)
from tests.unit.client.server.small_gatehouse import (
    ADA,
    SmallGatehouse,
)
from tests.unit.client.server.trial_service import (
    text,
)


@pytest.mark.parametrize(
    "revoked",
    [
        Revocation(session="sessions/1"),
        Revocation(subject=ADA),
        Revocation(token_id="0198"),
    ],
)
def test_what_is_revoked_is_refused(protected: Protected, revoked: Revocation) -> None:
    client = protected.client.bearing(protected.gatehouse.token(jti="0198"))
    assert client.answers("Ask", "a") == [f"{ADA} a"]
    other = protected.client.bearing(
        protected.gatehouse.token(sid="sessions/2", sub="users/2", jti="0199")
    )
    protected.gatehouse.say(revoked)
    wait_until(lambda: protected.guard._authorizer._feed._until, "the news")
    for method in ("Ask", "Whoever"):
        refused = reason_of(partial(client.call, method, "a"))
        assert refused == (UNAUTHENTICATED, "SESSION_REVOKED")
    assert other.answers("Whoever", "a") == ["users/2 a"]


def test_who_is_revoked_is_not_waited_for(protected: Protected) -> None:
    protected.gatehouse.say(Revocation(subject=ADA))
    wait_until(lambda: protected.guard._authorizer._feed._until, "the news")
    silent = threading.Event()

    def messages() -> Iterator[StringValue]:
        silent.wait(20)
        yield text("a")

    refused = reason_of(partial(protected.client.call, "Tell", messages()))
    assert refused == (UNAUTHENTICATED, "SESSION_REVOKED")
    silent.set()


def test_what_was_revoked_before_we_came_is_refused(
    gatehouse: SmallGatehouse, protect: Callable[..., Any]
) -> None:
    gatehouse.first = [Revocation(session="sessions/1")]
    gatehouse.first[0].expire_time.FromSeconds(2**33)
    with protect(RULES) as protected:
        refused = reason_of(lambda: protected.client.call("Whoever", "a"))
        assert refused == (UNAUTHENTICATED, "SESSION_REVOKED")


def test_a_stream_ends_when_its_caller_is_revoked(protected: Protected) -> None:
    call = protected.client.call("Listen", "wait")
    assert next(call).value == f"{ADA} wait"
    assert protected.trial.going.wait(20)
    protected.gatehouse.say(Revocation(session="sessions/1"))
    refusal = refusal_of(lambda: call)
    assert refusal.code in {grpc.StatusCode.CANCELLED, UNAUTHENTICATED}
    assert protected.trial.over.wait(20), "its handler is told"
    wait_until(lambda: not protected.guard._authorizer.streams._ends, "its end")


def test_a_stream_that_waits_for_its_client_ends_as_well(protected: Protected) -> None:
    more = threading.Event()

    def messages() -> Iterator[StringValue]:
        yield text("a")
        more.wait(20)

    call = protected.client.call("Talk", messages())
    assert next(call).value == f"{ADA} a"
    protected.gatehouse.say(Revocation(subject=ADA))
    assert refusal_of(lambda: call).code in {grpc.StatusCode.CANCELLED, UNAUTHENTICATED}
    more.set()


def test_a_message_on_its_way_is_not_taken_back_when_its_stream_ends() -> None:
    """Or gRPC would not send the status either, and the client would wait for ever."""
    sent: list[str] = []

    async def go() -> None:
        taken = asyncio.get_running_loop().create_future()

        class Slow:
            async def write(self, message: str) -> None:
                await taken
                sent.append(message)

        context = aio_interceptor._Context(Slow())
        writing = asyncio.ensure_future(context.write("message"))
        while context.writing is None:
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait({writing})
        taken.set_result(None)
        await context.writing

    asyncio.run(go())
    assert sent == ["message"]


def test_a_revoked_client_that_does_not_read_holds_nothing_up(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aio_interceptor, "_TO_BE_TAKEN", 0.02)
    protected.gatehouse.allow("notes.read", "/notes/flood")
    call = protected.client.call("Listen", "flood")
    assert protected.trial.going.wait(20)
    protected.gatehouse.say(Revocation(subject=ADA))
    wait_until(lambda: not protected.guard._authorizer.streams._ends, "the stream's end")
    assert refusal_of(lambda: call).code in {grpc.StatusCode.CANCELLED, UNAUTHENTICATED}


def test_streams_that_end_by_themselves_are_forgotten(protected: Protected) -> None:
    for method in ("Listen", "Tell", "Talk"):
        protected.client.answers(method, "a")
    wait_until(lambda: not protected.guard._authorizer.streams._ends, "their end")


def test_nobody_is_let_in_while_gatehouse_is_not_heard(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    protected.client.answers("Ask", "a")
    protected.gatehouse.watching = UNAVAILABLE
    now = feed.monotonic()
    monkeypatch.setattr(feed, "monotonic", lambda: now + feed.TRUST)
    for method in ("Ask", "Whoever", "Listen"):
        refused = reason_of(partial(protected.client.call, method, "a"))
        assert refused == (UNAVAILABLE, "GATEHOUSE_UNREACHABLE")
    assert protected.client.bearing("").answers("Open", "x") == ["nobody"]
    protected.gatehouse.watching = None
    protected.gatehouse.cut_off()
    wait_until(lambda: protected.guard._authorizer._feed.believed, "the word")
    assert protected.client.answers("Ask", "a") == [f"{ADA} a"]


def test_a_service_that_starts_without_gatehouse_lets_nobody_in(
    gatehouse: SmallGatehouse, protect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_FIRST_WORD", 0.05)
    gatehouse.watching = grpc.StatusCode.INTERNAL
    with protect(RULES) as protected:
        assert reason_of(lambda: protected.client.call("Whoever", "a"))[0] is UNAVAILABLE
        gatehouse.watching = None
        wait_until(lambda: protected.guard._authorizer._feed.believed, "the word")
        assert protected.client.answers("Whoever", "a") == [f"{ADA} a"]


def test_who_is_cut_off_resumes_where_it_was(protected: Protected) -> None:
    protected.gatehouse.say(Revocation(session="sessions/2"))
    wait_until(lambda: protected.guard._authorizer._feed._cursor == "cursor-1", "the news")
    protected.gatehouse.cut_off()
    wait_until(lambda: len(protected.gatehouse.cursors) == 2, "the next attempt")
    assert protected.gatehouse.cursors == ["", "cursor-1"]


def test_who_is_told_that_the_cursor_is_of_another_history_starts_over(
    protected: Protected,
) -> None:
    protected.gatehouse.say(Revocation(session="sessions/1"))
    wait_until(lambda: protected.guard._authorizer._feed._cursor == "cursor-1", "the news")
    protected.gatehouse.cut_off(grpc.StatusCode.FAILED_PRECONDITION)
    wait_until(lambda: len(protected.gatehouse.cursors) == 2, "the next attempt")
    assert protected.gatehouse.cursors == ["", ""]
    refused = reason_of(lambda: protected.client.call("Whoever", "a"))
    assert refused == (UNAUTHENTICATED, "SESSION_REVOKED")


def test_however_often_it_was_in_vain_it_is_tried_again(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LONGEST_PAUSE", 0.01)
    protected.guard._authorizer._feed._failures = 5000
    protected.gatehouse.cut_off()
    wait_until(lambda: len(protected.gatehouse.cursors) == 2, "the next attempt")


def test_whatever_fails_where_a_lost_gatehouse_is_told_of_it_is_tried_again(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "Refusal", None)
    protected.gatehouse.cut_off()
    wait_until(lambda: len(protected.gatehouse.cursors) == 2, "the next attempt")


def test_a_connection_that_says_nothing_is_given_up(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: protected.guard._authorizer._feed.believed, "the first word")
    monkeypatch.setattr(feed, "TRUST", 0.0)
    wait_until(lambda: len(protected.gatehouse.cursors) > 1, "another attempt")


def test_a_closed_guard_lets_nobody_in(
    protected: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    protected.client.answers("Whoever", "a")
    protected.guard.close()
    now = feed.monotonic()
    monkeypatch.setattr(feed, "monotonic", lambda: now + feed.TRUST)
    assert reason_of(lambda: protected.client.call("Whoever", "a"))[0] is UNAVAILABLE
