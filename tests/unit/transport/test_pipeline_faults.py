"""What nobody expected: the client hears a fixed text and a number to report, the log hears all."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.support.clients import Service
from tests.support.refusals import INTERNAL, Refusal, refused
from tests.unit.transport.trial import Answer, Ask, Trial

SECRET = "password=hunter2 at /srv/app.py"


class TooMuchSaid(Exception):
    """What a library may raise: a text that is not for clients."""


def fault(*_: object) -> Any:
    raise TooMuchSaid(SECRET)


def late_fault(*_: object) -> Iterator[Any]:
    yield Answer(text="1")
    raise TooMuchSaid(SECRET)


def judge(refusal: Refusal) -> None:
    assert refusal.message == f"Internal error; report request id {refusal.request_id}."
    assert refusal.metadata == {}


def test_an_unexpected_fault_says_nothing_but_the_request_id(ada: Service, trial: Trial) -> None:
    trial.serve = fault
    with refused(INTERNAL, reason="INTERNAL") as refusal:
        ada.One(name="x")
    judge(refusal)


@pytest.mark.parametrize("serve", [fault, late_fault])
def test_so_does_a_stream_of_answers(ada: Service, trial: Trial, serve: Any) -> None:
    trial.serve_many = serve
    with refused(INTERNAL, reason="INTERNAL") as refusal:
        list(ada.Many(name="x"))
    judge(refusal)


def test_so_does_a_stream_of_requests(ada: Service, trial: Trial) -> None:
    trial.serve = fault
    with refused(INTERNAL, reason="INTERNAL") as refusal:
        ada.Gather([Ask(name="x")])
    judge(refusal)


def test_so_does_a_watched_stream(ada: Service, trial: Trial) -> None:
    trial.serve = fault
    with refused(INTERNAL, reason="INTERNAL") as refusal:
        list(ada.Watch(name="x"))
    judge(refusal)


def test_a_fault_in_the_guards_says_no_more(ada: Service, trial: Trial) -> None:
    trial.limit = TooMuchSaid(SECRET)
    with refused(INTERNAL, reason="INTERNAL") as refusal:
        ada.One(name="x")
    judge(refusal)


@pytest.mark.parametrize("answer", [None, "text", 7])
def test_a_servicer_that_answers_nonsense_is_a_fault(
    ada: Service, trial: Trial, answer: object
) -> None:
    trial.serve = lambda request, call: answer
    with refused(INTERNAL, reason="INTERNAL") as refusal:
        ada.One(name="x")
    judge(refusal)


def test_a_fault_is_logged_whole_under_its_request_id(ada: Service, trial: Trial) -> None:
    trial.serve = fault
    with structlog.testing.capture_logs() as lines, refused(INTERNAL, reason="INTERNAL") as refusal:
        ada.One(name="x")
    [line] = [it for it in lines if it["event"] == "unexpected fault"]
    assert line["request_id"] == refusal.request_id
    assert line["method"] == "/gatehouse.trial.v1.TrialService/One"
    assert str(line["exc_info"]) == SECRET


def test_the_service_goes_on_after_a_fault(ada: Service, trial: Trial) -> None:
    trial.serve = fault
    with refused(INTERNAL, reason="INTERNAL"):
        ada.One(name="x")
    trial.begin()
    assert ada.One(name="x").text == "x"
