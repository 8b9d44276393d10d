"""Streams of content: none stands still holding a thread, and nobody has all of them."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, cast

import grpc
import pytest

from service.transport import transfers as module
from service.transport.pool import CallPool
from service.transport.transfers import TooManyTransfers, Transfer, Transfers
from tests.support.clients import Service
from tests.support.refusals import CANCELLED
from tests.support.waiting import wait_until
from tests.unit.transport.test_pipeline_streams import Hose, gather
from tests.unit.transport.trial import Answer, Ask, Trial

PATIENCE = 0.3


class Clock:
    now = 0.0


class Context:
    """A call that notes when it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        self.cancelled.set()


@pytest.fixture(scope="module")
def transfers() -> Iterator[Transfers]:
    """In place of those of every other test, which wait a minute."""
    made = Transfers(PATIENCE)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def transfer(context: Context) -> Transfer:
    return Transfer(cast(grpc.ServicerContext, context))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "monotonic", lambda: made.now)
    return made


def cancelled_after(transfer: Transfer, context: Context, clock: Clock, seconds: float) -> bool:
    clock.now += seconds
    transfer.end_if_stalled(60.0)
    return context.cancelled.is_set()


def test_a_slow_client_that_goes_on_is_not_cancelled(
    transfer: Transfer, context: Context, clock: Clock
) -> None:
    for _ in range(10):
        with transfer.of_client():
            assert not cancelled_after(transfer, context, clock, 59)


def test_one_that_stands_still_is(transfer: Transfer, context: Context, clock: Clock) -> None:
    with transfer.of_client():
        assert not cancelled_after(transfer, context, clock, 59)
        assert cancelled_after(transfer, context, clock, 2)


def test_a_slow_store_does_not_count_against_the_client(
    transfer: Transfer, context: Context, clock: Clock
) -> None:
    with transfer.of_client():
        pass
    assert not cancelled_after(transfer, context, clock, 3600)


def test_one_caller_has_sixteen_and_others_get_in(context: Context) -> None:
    transfers, of = Transfers(), cast(grpc.ServicerContext, context)
    with ExitStack() as open_ones:
        for _ in range(15):
            open_ones.enter_context(transfers.begin("users/ada", of))
        with transfers.begin("users/ada", of):
            for _ in range(2):  # being refused takes nothing
                with pytest.raises(TooManyTransfers), transfers.begin("users/ada", of):
                    pass
            with transfers.begin("users/bob", of):
                assert transfers.under_way == 17
        with transfers.begin("users/ada", of):  # once one has ended
            assert transfers.under_way == 16
    assert transfers.under_way == 0


def test_a_stream_that_fails_counts_no_longer(context: Context) -> None:
    transfers, of = Transfers(), cast(grpc.ServicerContext, context)
    for _ in range(17):
        with pytest.raises(ZeroDivisionError), transfers.begin("users/ada", of):
            raise ZeroDivisionError
    assert transfers.under_way == 0


def test_a_client_that_sends_nothing_more_is_cancelled_and_its_thread_is_free(
    ada: Service, trial: Trial, pool: CallPool, transfers: Transfers
) -> None:
    trial.serve = gather
    hoses = [Hose() for _ in range(2)]  # as many as there are threads
    for hose in hoses:
        hose.send(Ask(name="x"))
    calls = [ada.Gather.future(iter(hose)) for hose in hoses]
    assert [call.code() for call in calls] == [CANCELLED] * 2
    assert [it.text for it in ada.Many(name="next")] == ["1"]
    wait_until(lambda: not transfers.under_way, "the end of the transfers")
    wait_until(lambda: len(trial.finished) == 3, "the end of the calls")
    assert sorted(it.code.name for it in trial.finished) == ["CANCELLED", "CANCELLED", "OK"]
    for hose in hoses:
        hose.send(None)


def test_a_client_that_does_not_read_is_cancelled_and_nothing_is_made_ahead_of_it(
    ada: Service, trial: Trial, transfers: Transfers
) -> None:
    made = 0
    text = "x" * 256 * 1024

    def endless(request: object, call: object) -> Iterator[Any]:
        nonlocal made
        while True:
            made += 1
            yield Answer(text=text)

    trial.serve_many = endless
    call = ada.Many(name="x")
    next(call)
    wait_until(lambda: trial.finished, "the end of the call")
    assert [it.code for it in trial.finished] == [CANCELLED]
    # What gRPC takes without a reader: one message in its hands, and what the connection holds.
    assert made * len(text) <= 8 * 1024 * 1024
    assert not transfers.under_way


def test_a_client_that_pauses_for_less_gets_everything(ada: Service, trial: Trial) -> None:
    trial.serve = gather
    hose = Hose()
    hose.send(Ask(name="a"))
    call = ada.Gather.future(iter(hose))
    for number in (1, 2, 3):
        wait_until(lambda number=number: trial.counts["received"] == number, "the message")
        hose.send(Ask(name="b"))
    hose.send(None)
    assert call.result().text == "a b b b"
