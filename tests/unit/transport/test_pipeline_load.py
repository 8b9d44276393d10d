"""Too much at once: some are refused with a time to come back, and health still answers."""

import threading
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.kernel.call import Call
from service.transport.pool import CallPool
from service.transport.standard import Health
from tests.support.clients import Service
from tests.support.refusals import RESOURCE_EXHAUSTED, refused
from tests.support.waiting import wait_until
from tests.unit.transport.trial import Answer, Ask, Trial


@pytest.fixture
def crowd(ada: Service, trial: Trial, pool: CallPool, gate: threading.Event) -> Any:
    """As many calls as the pool carries, all of them waiting at the gate."""

    def wait(request: object, call: Call) -> Any:
        gate.wait()
        return Answer(text="done")

    trial.serve = wait
    calls = [ada.One.future(name="x") for _ in range(pool.limit)]
    wait_until(lambda: pool.full, "the crowd")
    yield calls
    gate.set()
    for call in calls:
        call.result()
    wait_until(lambda: pool.carried == 0, "an empty pool")


@pytest.mark.parametrize("name", ["One", "Many", "Gather", "Watch"])
def test_a_call_too_many_is_told_when_to_retry(ada: Service, crowd: Any, name: str) -> None:
    with refused(RESOURCE_EXHAUSTED, reason="OVERLOADED") as refusal:
        list(getattr(ada, name)(Ask(name="x")))
    assert refusal.retry_after == 1.0


def test_those_who_were_taken_are_served(crowd: Any, gate: threading.Event) -> None:
    gate.set()
    assert [call.result().text for call in crowd] == ["done"] * 4


def test_a_call_is_taken_again_once_there_is_room(
    ada: Service, crowd: Any, gate: threading.Event, pool: CallPool
) -> None:
    gate.set()
    wait_until(lambda: not pool.full, "room")
    assert ada.One(name="x").text == "done"


def test_health_answers_while_every_thread_is_busy(
    crowd: Any, grpc_channel: grpc.Channel, health: Health
) -> None:
    health.set(serving=True)
    stub = health_pb2_grpc.HealthStub(grpc_channel)
    answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_call_too_many_is_observed(ada: Service, crowd: Any, trial: Trial) -> None:
    with refused(RESOURCE_EXHAUSTED, reason="OVERLOADED"):
        ada.One(name="x")
    assert [it.code for it in trial.finished] == [RESOURCE_EXHAUSTED]


def test_watchers_hold_no_thread(ada: Service, trial: Trial, pool: CallPool) -> None:
    boxes: list[Any] = []
    trial.serve = lambda request, outbox: boxes.append(outbox)
    watchers = []
    for _ in range(5 * pool.limit):
        watchers.append(ada.Watch(name="x"))
        wait_until(lambda: len(boxes) == len(watchers) and not pool.carried, "the watcher")
    trial.serve = lambda request, call: Answer(text="served")
    assert ada.One(name="x").text == "served"
    for box in boxes:
        box.put(Answer(text="news"))
    assert {next(watcher).text for watcher in watchers} == {"news"}
    for watcher in watchers:
        watcher.cancel()
