"""Watchers: who falls behind is ended, who does not read holds up nobody."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from service.transport import watching
from service.transport.status import describe
from service.transport.watching import Outbox, Senders
from tests.support.waiting import wait_until
from tests.unit.transport.trial import Answer

CANCELLED = grpc.StatusCode.CANCELLED
NEWS = Answer(text="news")
PACKED = NEWS.SerializeToString()


class Stream:
    """A client's stream as gRPC shows it: context and send callback in one."""

    def __init__(self) -> None:
        self.sent: list[bytes | None] = []
        self.code: grpc.StatusCode | None = None
        self.cancelled = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self._open = True

    def send(self, payload: bytes | None) -> None:
        self.sent.append(payload)
        if payload is None:
            self.finish()

    def add_callback(self, callback: Callable[[], None]) -> bool:
        self._callbacks.append(callback)
        return self._open

    def cancel(self) -> None:
        self.cancelled.set()
        self.finish()

    def finish(self) -> None:
        if self._open:
            self._open = False
            for callback in self._callbacks:
                callback()

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None: ...

    def set_trailing_metadata(self, trailers: object) -> None: ...


class Stalled(Stream):
    """A client that does not read: gRPC's callback blocks until the call is cancelled."""

    def send(self, payload: bytes | None) -> None:
        self.cancelled.wait()
        super().send(payload)


@pytest.fixture
def senders() -> Iterator[Senders]:
    made = Senders()
    made.start()
    yield made
    made.stop()
    for thread in made._threads:
        thread.join()


@pytest.fixture
def stalled(senders: Senders) -> Iterator[list[Stalled]]:
    """More clients that do not read than there are threads to send."""
    streams = [Stalled() for _ in range(3 * watching._THREADS)]
    yield streams
    for stream in streams:
        stream.cancelled.set()


def opened(senders: Senders, stream: Stream, ends: list[Any] | None = None) -> Outbox:
    return senders.open(
        stream,
        stream.send,
        on_sent=lambda: None,
        explain=lambda error: describe(error, "r"),
        on_end=(ends if ends is not None else []).append,
    )


def test_what_is_put_is_sent_in_order(senders: Senders) -> None:
    stream = Stream()
    outbox = opened(senders, stream)
    for number in range(100):
        outbox.put(Answer(text=str(number)))
    wait_until(lambda: len(stream.sent) == 100)
    assert [Answer.FromString(it).text for it in stream.sent] == [str(n) for n in range(100)]


def test_a_watcher_too_far_behind_is_ended(
    senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_BACKLOG", 5)
    ends: list[Any] = []
    stream = Stalled()
    outbox = opened(senders, stream, ends)
    for _ in range(10):
        outbox.put(NEWS)
    stream.cancelled.set()
    wait_until(lambda: stream.sent[-1:] == [None], "the end")
    assert stream.code is CANCELLED
    assert ends == [CANCELLED]
    assert len(stream.sent) <= 2, "what waited for it is not sent any more"


def test_stalled_watchers_do_not_hold_up_others(
    senders: Senders, stalled: list[Stalled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_STALLED", 0.05)
    for stream in stalled:
        opened(senders, stream).put(NEWS)
    reader = Stream()
    opened(senders, reader).put(NEWS)
    wait_until(lambda: reader.sent == [PACKED], "the news")
    wait_until(lambda: all(it.cancelled.is_set() for it in stalled), "the laggards' end")


def test_others_need_not_wait_for_the_laggards_end(
    senders: Senders, stalled: list[Stalled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_STALLED", 600.0)
    monkeypatch.setattr(watching, "_LOOK", 0.01)
    for stream in stalled:
        opened(senders, stream).put(NEWS)
    reader = Stream()
    opened(senders, reader).put(NEWS)
    wait_until(lambda: reader.sent == [PACKED], "the news")
    assert not any(it.cancelled.is_set() for it in stalled)


def test_a_watcher_that_may_no_longer_watch_is_told_why(
    senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_ASK", 0.0)
    stream = Stream()
    withdrawn = threading.Event()

    def ask() -> None:
        if withdrawn.is_set():
            raise watching.ShuttingDown

    opened(senders, stream).keep_asking(ask)
    withdrawn.set()
    wait_until(lambda: stream.sent == [None], "the end")
    assert stream.code is CANCELLED


def test_an_ended_watcher_gets_what_was_put_before(senders: Senders) -> None:
    stream = Stream()
    outbox = opened(senders, stream)
    outbox.put(NEWS)
    outbox.end(watching.ShuttingDown())
    outbox.put(Answer(text="too late"))
    wait_until(lambda: stream.sent == [PACKED, None])
    assert stream.code is CANCELLED


def test_an_end_comes_once(senders: Senders) -> None:
    ends: list[Any] = []
    stream = Stream()
    outbox = opened(senders, stream, ends)
    outbox.end(ValueError())
    outbox.end(watching.ShuttingDown())
    wait_until(lambda: ends)
    outbox.put(Answer(text="too late"))
    assert ends == [grpc.StatusCode.INTERNAL]
    assert stream.sent == [None]


def test_whoever_asks_after_the_end_is_told_at_once(senders: Senders) -> None:
    stream = Stream()
    outbox = opened(senders, stream)
    stream.finish()
    late: list[Any] = []
    outbox.on_end(late.append)
    assert late == [CANCELLED]


def test_a_watcher_that_left_before_it_was_opened_is_forgotten(senders: Senders) -> None:
    ends: list[Any] = []
    stream = Stream()
    stream.finish()
    opened(senders, stream, ends)
    assert ends == [CANCELLED]
    assert senders.watchers == 0


def test_watchers_are_counted_while_they_are_there(senders: Senders) -> None:
    streams = [Stream() for _ in range(3)]
    for stream in streams:
        opened(senders, stream)
    assert senders.watchers == 3
    streams[0].finish()
    assert senders.watchers == 2


def test_all_are_ended_when_the_server_leaves_and_so_is_who_comes_then(senders: Senders) -> None:
    before, after = Stream(), Stream()
    opened(senders, before)
    senders.end_all()
    opened(senders, after)
    wait_until(lambda: before.sent == after.sent == [None])
    assert before.code is after.code is CANCELLED
