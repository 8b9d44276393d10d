"""Events that are followed, and what cuts them off: against a server that does as it is told."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from gatehouse.events.v1 import event_service_pb2 as pb
from gatehouse.events.v1 import event_service_pb2_grpc as rpc

from gatehouse_client import Refusal
from gatehouse_client import events as module
from gatehouse_client.events import follow
from tests.unit.client.small_file_service import refuse

BEGUN = "begun"

# What the server tells, in order: a cursor alone, a cursor with an event, an end.
Told = str | tuple[str, str] | tuple[grpc.StatusCode, str]


@dataclass
class Server(rpc.EventServiceServicer):
    """Each call gets the next stream of `streams`; the last of them never ends."""

    streams: list[list[Told]] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)

    def WatchEvents(
        self, request: pb.WatchEventsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchEventsResponse]:
        self.cursors.append(request.cursor)
        for told in self.streams[len(self.cursors) - 1]:
            match told:
                case str():
                    yield pb.WatchEventsResponse(cursor=told)
                case grpc.StatusCode() as code, reason:
                    refuse(context, code, reason)
                case cursor, subject:
                    yield pb.WatchEventsResponse(event={"subject": subject}, cursor=str(cursor))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def stub(server: Server) -> Iterator[rpc.EventServiceStub]:
    running = grpc.server(ThreadPoolExecutor(2))
    rpc.add_EventServiceServicer_to_server(server, running)
    address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    with grpc.insecure_channel(address) as channel:
        yield rpc.EventServiceStub(channel)
    running.stop(None).wait()


@pytest.fixture
def watch(
    server: Server, stub: rpc.EventServiceStub, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """The subjects of the first events, and the notes; nobody waits before trying again."""
    monkeypatch.setattr(module, "sleep", lambda seconds: None)

    def begin(*streams: list[Told], events: int, cursor: str = "") -> tuple[list[str], list[str]]:
        server.streams = [*streams]
        notes: list[str] = []

        def cut(refusal: Refusal) -> None:
            notes.append(f"{refusal.code.name} {refusal.reason}".strip())

        wanted = pb.WatchEventsRequest(cursor=cursor)
        stream = follow(stub, wanted, on_cut=cut, on_begun=lambda: notes.append(BEGUN))
        told = (it.event.subject for it in stream if it.HasField("event"))
        subjects = [next(told) for _ in range(events)]
        stream.close()
        return subjects, notes

    return begin


def test_there_is_a_cursor_to_keep_before_there_is_any_event(
    server: Server, stub: rpc.EventServiceStub
) -> None:
    server.streams = [["0", "1", ("2", "a"), "2"]]
    stream = follow(stub, pb.WatchEventsRequest())
    told = [next(stream) for _ in range(4)]
    stream.close()
    assert [it.cursor for it in told] == ["0", "1", "2", "2"]
    assert [it.HasField("event") for it in told] == [False, False, True, False]


def test_the_given_cursor_is_where_it_begins(server: Server, watch: Callable[..., Any]) -> None:
    watch(["7", ("8", "a")], events=1, cursor="7")
    assert server.cursors == ["7"]


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (grpc.StatusCode.CANCELLED, "SHUTTING_DOWN", "CANCELLED ERROR_REASON_SHUTTING_DOWN"),
        (grpc.StatusCode.CANCELLED, "WATCHER_TOO_SLOW", "CANCELLED ERROR_REASON_WATCHER_TOO_SLOW"),
        (grpc.StatusCode.UNAVAILABLE, "", "UNAVAILABLE"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "", "RESOURCE_EXHAUSTED"),
    ],
)
def test_what_is_cut_off_goes_on_after_the_last_thing_heard(
    server: Server, watch: Callable[..., Any], code: grpc.StatusCode, reason: str, told: str
) -> None:
    subjects, notes = watch(["0", ("1", "a"), "2", (code, reason)], ["2", ("3", "b")], events=2)
    assert subjects == ["a", "b"]
    assert server.cursors == ["", "2"]
    assert notes == [BEGUN, told, BEGUN]


def test_a_server_that_stays_away_is_told_of_once(
    server: Server, watch: Callable[..., Any]
) -> None:
    leaves: Told = (grpc.StatusCode.CANCELLED, "SHUTTING_DOWN")
    _, notes = watch(["0", leaves], [leaves], [leaves], ["0", ("1", "a")], events=1)
    assert notes == [BEGUN, "CANCELLED ERROR_REASON_SHUTTING_DOWN", BEGUN]


def test_an_old_token_is_replaced_without_a_word(server: Server, watch: Callable[..., Any]) -> None:
    expired: Told = (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")
    assert watch(["0", expired], ["0", ("1", "a")], events=1) == (["a"], [BEGUN])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "SESSION_REVOKED"),
        (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING"),
        (grpc.StatusCode.FAILED_PRECONDITION, "FOREIGN_REVISION"),
        (grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"),
    ],
)
def test_what_no_attempt_would_change_ends_it(
    watch: Callable[..., Any], code: grpc.StatusCode, reason: str
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        watch(["0", (code, reason)], events=1)
    assert refused.value.code() is code


def test_what_cannot_begin_is_not_tried_again(server: Server, watch: Callable[..., Any]) -> None:
    with pytest.raises(grpc.RpcError):
        watch([(grpc.StatusCode.CANCELLED, "SHUTTING_DOWN")], events=1)
    assert len(server.cursors) == 1


def test_however_long_the_server_is_away_it_is_waited_for(watch: Callable[..., Any]) -> None:
    away: list[Told] = [(grpc.StatusCode.CANCELLED, "")]
    subjects, _ = watch(["0", *away], *([away] * 1100), ["0", ("1", "a")], events=1)
    assert subjects == ["a"]


def test_pauses_grow_up_to_ten_seconds_and_begin_anew_once_it_goes_on(
    watch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(module, "sleep", pauses.append)
    away: list[Told] = [(grpc.StatusCode.CANCELLED, "")]
    longest = (0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 0.5)
    watch(["0", *away], *([away] * 7), ["0", ("1", "a"), *away], ["1", ("2", "b")], events=2)
    assert all(most / 2 <= it <= most for it, most in zip(pauses, longest, strict=True))
