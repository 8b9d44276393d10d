"""No receiver and no event keeps another waiting."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.house import House
from tests.support.receiver import Answer, Connection, Receiver, hang, raw, status
from tests.support.things import ThingHappened, happen
from tests.support.waiting import wait_until

PLACES, OF_THE_SLOW = 8, 128
Make = Callable[..., Any]


async def slowly(connection: Connection) -> None:
    """Answers, but only after three seconds."""
    await asyncio.sleep(3)
    await connection.answer(200)


def many(count: int) -> list[str]:
    return [f"things/{number}" for number in range(count)]


def test_a_receiver_that_is_dead_keeps_no_other_waiting(
    sending: House, new_receiver: Make, subscribe: Make
) -> None:
    dead, alive = new_receiver(hang), new_receiver()
    for receiver in (dead, alive):
        subscribe(receiver, ThingHappened.type)
    happen(sending, *many(300))
    wait_until(lambda: len(alive.received) == 300, "all for the one that answers")
    assert len(dead.received) == 1, "the dead one answered"


def test_nor_do_forty_slow_ones(sending: House, new_receiver: Make, subscribe: Make) -> None:
    slow, quick = new_receiver(slowly), new_receiver()
    for _ in range(40):
        subscribe(slow, ThingHappened.type)
    subscribe(quick, ThingHappened.type)
    happen(sending, *many(100))
    wait_until(lambda: len(quick.received) == 100, "all for the quick one")
    wait_until(lambda: len(slow.received) > 40, "the slow ones to be asked again")
    happen(sending, *many(100))
    wait_until(lambda: len(quick.received) == 200, "the rest for the quick one")
    assert slow.most_open <= 40


def test_nor_do_more_silent_ones_than_there_are_places(
    sending: House, new_receiver: Make, subscribe: Make, settled: Make
) -> None:
    silent, alive = new_receiver(hang), new_receiver()
    webhook = subscribe(alive, ThingHappened.type).webhook
    happen(sending, "things/first")
    settled(webhook)
    for _ in range(300):
        subscribe(silent, ThingHappened.type)
    happen(sending, *many(50))
    wait_until(lambda: silent.open == OF_THE_SLOW, "the places of the silent to be taken")
    happen(sending, *many(50))
    wait_until(lambda: len(alive.received) == 101, "all for the one that answers")
    assert len(silent.received) == OF_THE_SLOW, "the silent ones were asked again before"


def test_who_answers_promptly_is_sent_several_messages_at_a_time(
    sending: House, new_receiver: Make, subscribe: Make, settled: Make
) -> None:
    receiver: Receiver = new_receiver()
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, "things/first")
    settled(webhook)
    receiver.answer = hang
    happen(sending, *many(20))
    wait_until(lambda: receiver.open == PLACES, "all its places to be taken")


@pytest.mark.parametrize("answer", [raw(b""), slowly], ids=["silent", "slow"])
def test_who_did_not_is_sent_one_at_a_time_until_they_do(
    sending: House,
    new_receiver: Make,
    subscribe: Make,
    settled: Make,
    deliveries: Make,
    answer: Answer,
) -> None:
    receiver: Receiver = new_receiver()
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, "things/first")
    settled(webhook)
    receiver.answer = answer
    happen(sending, "things/second")
    wait_until(lambda: len(deliveries(webhook)) == 2, "the second")
    settled(webhook)
    receiver.most_open = 0
    receiver.answer = hang
    happen(sending, *many(20))
    wait_until(lambda: receiver.open, "the next try")
    wait_until(lambda: len(deliveries(webhook)) == 22, "the others")
    assert receiver.most_open == 1


def test_an_event_that_is_never_taken_keeps_no_other_waiting(
    sending: House, receiver: Receiver, subscribe: Make, deliveries: Make
) -> None:
    async def but_one(connection: Connection) -> None:
        poisoned = connection.request.event["subject"] == "things/poison"
        await status(500 if poisoned else 200)(connection)

    receiver.answer = but_one
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, "things/poison", *(f"things/{number}" for number in range(30)))
    wait_until(lambda: len(receiver.received) == 31, "the others")
    assert len(set(receiver.subjects())) == 31
    wait_until(lambda: len(deliveries(webhook, state=2)) == 30, "all but one")
    [left] = deliveries(webhook, state=1)
    assert left.response_code == 500


def test_a_name_server_that_is_dead_keeps_no_other_waiting(
    sending: House, new_receiver: Make, subscribe: Make, monkeypatch: Any
) -> None:
    answered, ask = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        if str(host).endswith(".invalid"):
            answered.wait(30)
        return ask(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    lost, alive = new_receiver(), new_receiver()
    for number in range(20):
        url = f"http://nowhere{number}.invalid/"
        subscribe(lost, ThingHappened.type, url=url)
    subscribe(alive, ThingHappened.type)
    happen(sending, *(f"things/{number}" for number in range(50)))
    wait_until(lambda: len(alive.received) == 50, "all for the one that answers")
    answered.set()
