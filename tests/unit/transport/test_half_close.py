"""A stream of requests that was cut is never taken for one that has ended."""

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from service.transport import half_close, pipeline
from tests.support.clients import Service
from tests.support.refusals import CANCELLED, refused
from tests.support.waiting import wait_until
from tests.unit.transport.test_pipeline_streams import Hose
from tests.unit.transport.trial import Answer, Ask, Trial

# gRPC takes some 7 % of them for whole, by itself: of so many it would be one in a million times
# that it takes none.
ROUNDS = 200


class Gathering:
    """Reads streams to their end, and notes those that had one."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.whole = 0

    def __call__(self, requests: Iterator[Any], call: Any) -> Any:
        for number, _ in enumerate(requests):
            if number == 0:
                self.begun.release()
        self.whole += 1
        return Answer()


@pytest.fixture
def gathering(trial: Trial) -> Gathering:
    trial.serve = made = Gathering()
    return made


def cut_one(ada: Service, gathering: Gathering) -> None:
    """Begins a stream and cancels it, with another message maybe on its way."""
    hose = Hose()
    hose.send(Ask(name="x"))
    call = ada.Gather.future(iter(hose))
    assert gathering.begun.acquire(timeout=20)
    hose.send(Ask(name="y"))
    call.cancel()
    hose.send(None)


def cut_until(ada: Service, trial: Trial, gathering: Gathering, rounds: int) -> None:
    for number in range(1, rounds + 1):
        cut_one(ada, gathering)
        wait_until(lambda number=number: len(trial.finished) == number, "the end of the call")
        if gathering.whole:
            return


def test_grpc_is_as_it_is_taken_to_be() -> None:
    assert half_close.grpc_is_known()


def test_no_cut_stream_is_taken_for_a_whole_one(
    ada: Service, trial: Trial, gathering: Gathering
) -> None:
    cut_until(ada, trial, gathering, ROUNDS)
    assert gathering.whole == 0
    assert {it.code for it in trial.finished} == {CANCELLED}


def test_without_asking_some_would_be(
    ada: Service, trial: Trial, gathering: Gathering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the rounds above are enough. If this fails, gRPC has changed: asking may be needless."""
    monkeypatch.setattr(pipeline, "ended_by_client", lambda context: True)
    cut_until(ada, trial, gathering, 10 * ROUNDS)
    assert gathering.whole == 1


def test_streams_that_end_are_whole(ada: Service, trial: Trial, gathering: Gathering) -> None:
    for _ in range(ROUNDS):
        ada.Gather([Ask(name="x"), Ask(name="y")])
    assert gathering.whole == ROUNDS


def test_where_grpc_is_not_known_every_stream_is_taken_for_cut(
    ada: Service, trial: Trial, gathering: Gathering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(half_close, "_KNOWN", False)
    with refused(CANCELLED, reason="STREAM_CUT"):
        ada.Gather([Ask(name="x")])
    assert gathering.whole == 0


def test_the_caller_is_asked_for_again_at_the_end(
    ada: Service, trial: Trial, gathering: Gathering
) -> None:
    ada.Gather([Ask(name="x")])
    assert trial.steps.count("still users/ada") == 1
    assert [it for it in trial.steps if it.startswith("authorize")] == [trial.steps[2]] * 2


def test_an_end_that_comes_with_the_last_message_is_one(
    ada: Service, trial: Trial, gathering: Gathering
) -> None:
    """The answer after it arrives, with the metadata that asking has sent ahead of it."""
    response, call = ada.Gather._call.with_call(
        iter([Ask(name="x")]), metadata=[("authorization", "Bearer ada")], timeout=20
    )
    assert response == Answer()
    assert call.code() is grpc.StatusCode.OK
    assert dict(call.trailing_metadata())["x-request-id"]
