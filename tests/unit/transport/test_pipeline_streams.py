"""Streams: the first message decides, cancelling is noticed, and every message is counted."""

import queue
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from service.kernel.call import Call
from service.transport import watching
from tests.support.clients import Service
from tests.support.refusals import INVALID_ARGUMENT, PERMISSION_DENIED, refused
from tests.support.waiting import wait_until
from tests.unit.transport.trial import Answer, Ask, Trial

OK, CANCELLED = grpc.StatusCode.OK, grpc.StatusCode.CANCELLED


class Hose:
    """A stream of requests that a test opens message by message."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def send(self, message: Any) -> None:
        self._queue.put(message)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._queue.get, None)


@pytest.fixture
def hose() -> Iterator[Hose]:
    made = Hose()
    yield made
    made.send(None)


def gather(requests: Iterator[Any], call: Call) -> Any:
    return Answer(text=" ".join(it.name for it in requests))


def echo(requests: Iterator[Any], call: Call) -> Iterator[Any]:
    for request in requests:
        yield Answer(text=request.name)


def code_seen(trial: Trial) -> grpc.StatusCode:
    wait_until(lambda: trial.finished, "the end of the call")
    [seen] = trial.finished
    return seen.code


def test_a_stream_of_requests_is_served_whole(ada: Service, trial: Trial) -> None:
    trial.serve = gather
    assert ada.Gather([Ask(name=it) for it in "abc"]).text == "a b c"
    assert trial.counts == {"started": 1, "received": 3, "sent": 0}


def test_the_first_message_is_authorized_before_the_next_is_read(
    ada: Service, trial: Trial, hose: Hose
) -> None:
    trial.allowed = False
    hose.send(Ask(name="x"))
    # The stream stays open: whoever read on would wait for ever.
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.Gather(hose)
    assert trial.counts["received"] == 1


def test_an_empty_stream_has_no_request(ada: Service, trial: Trial) -> None:
    with refused(INVALID_ARGUMENT, reason="MALFORMED_MESSAGE"):
        ada.Gather([])
    assert "serve" not in trial.steps


@pytest.mark.parametrize(
    ("second", "reason"),
    [(b"\xff", "MALFORMED_MESSAGE"), (Ask(name="too long a name"), "INVALID_FIELDS")],
)
def test_every_message_of_a_stream_is_judged(
    ada: Service, trial: Trial, second: object, reason: str
) -> None:
    trial.serve = gather
    with refused(INVALID_ARGUMENT, reason=reason):
        ada.Gather([Ask(name="x"), second])


def test_a_stream_of_answers_is_counted_when_it_is_whole(ada: Service, trial: Trial) -> None:
    trial.serve_many = lambda request, call: (Answer(text=it) for it in "ab")
    assert [it.text for it in ada.Many(name="x")] == ["a", "b"]
    assert code_seen(trial) is OK
    assert trial.counts == {"started": 1, "received": 0, "sent": 2}


def test_a_stream_that_the_client_cancels_counts_as_cancelled(
    ada: Service, trial: Trial, gate: threading.Event
) -> None:
    def endless(request: object, call: Call) -> Iterator[Any]:
        yield Answer(text="1")
        gate.wait()
        while True:
            yield Answer(text="more")

    trial.serve_many = endless
    call = ada.Many(name="x")
    next(call)
    call.cancel()
    gate.set()
    assert code_seen(trial) is CANCELLED


def test_a_call_that_the_client_cancels_counts_as_cancelled(
    ada: Service, trial: Trial, gate: threading.Event
) -> None:
    def serve(request: Any, call: Call) -> Any:
        if request.name == "slow":
            gate.wait()
        return Answer()

    trial.serve = serve
    call = ada.One.future(name="slow")
    wait_until(lambda: "serve" in trial.steps)
    call.cancel()
    # What is sent on the same connection arrives after the news that the call was cancelled.
    ada.One(name="next")
    gate.set()
    wait_until(lambda: len(trial.finished) == 2)
    assert [it.code for it in trial.finished] == [OK, CANCELLED]


def test_a_watcher_gets_what_is_put_and_counts_as_cancelled_when_it_goes(
    ada: Service, trial: Trial
) -> None:
    trial.serve = lambda request, outbox: [outbox.put(Answer(text=it)) for it in "ab"]
    call = ada.Watch(name="x")
    assert [next(call).text, next(call).text] == ["a", "b"]
    call.cancel()
    assert code_seen(trial) is CANCELLED
    assert trial.counts == {"started": 1, "received": 0, "sent": 2}


@pytest.mark.parametrize("name", ["One", "Many", "Gather", "Watch"])
def test_a_refused_call_is_observed_once_with_its_code(
    ada: Service, trial: Trial, name: str
) -> None:
    trial.allowed = False
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        list(getattr(ada, name)(Ask(name="x")))
    assert code_seen(trial) is PERMISSION_DENIED
    assert trial.counts["started"] == 1


def test_a_watcher_is_asked_for_again_and_ends_when_it_may_not_watch_any_more(
    ada: Service, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_ASK", 0.0)
    trial.serve = lambda request, outbox: outbox.put(Answer(text="news"))
    stream = ada.Watch(name="x")
    assert next(stream).text == "news"
    trial.allowed = False
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        next(stream)
    assert code_seen(trial) is PERMISSION_DENIED


def test_being_asked_for_again_is_no_call(
    ada: Service, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_ASK", 0.0)
    trial.serve = lambda request, outbox: outbox.put(Answer(text="news"))
    stream = ada.Watch(name="x")
    next(stream)
    wait_until(lambda: trial.steps.count("authenticate ada") > 2)
    assert trial.steps.count("throttle users/ada") == 1
    stream.cancel()
    wait_until(lambda: trial.finished, "the end of the call")
