"""No receiver and no event keeps another waiting."""

import socket
import threading
from collections.abc import Callable
from typing import Any

from tests.e2e.webhooks.test_sending import ThingHappened, happen, subjects
from tests.support.house import House
from tests.support.receiver import Connection, Receiver, hang, status
from tests.support.waiting import wait_until

PLACES = 8
Make = Callable[..., Any]


def test_a_receiver_that_is_dead_keeps_no_other_waiting(
    sending: House, new_receiver: Make, subscribe: Make
) -> None:
    dead, alive = new_receiver(hang), new_receiver()
    for receiver in (dead, alive):
        subscribe(receiver, ThingHappened.type)
    happen(sending, *(f"things/{number}" for number in range(300)))
    wait_until(lambda: len(alive.received) == 300, "all for the one that answers")
    assert len(dead.received) == PLACES, "the dead one answered"


def test_nor_do_very_many(sending: House, new_receiver: Make, subscribe: Make) -> None:
    everyone = [new_receiver(hang) for _ in range(50)]
    for receiver in everyone:
        subscribe(receiver, ThingHappened.type)
    happen(sending, *(f"things/{number}" for number in range(10)))
    wait_until(lambda: sum(it.open for it in everyone) >= 250, "all places to be taken")
    assert all(it.most_open <= PLACES for it in everyone)
    assert min(it.open for it in everyone) >= 4, "some got fewer places than others"


def test_who_did_not_answer_is_sent_one_message_at_a_time_until_they_do(
    sending: House, new_receiver: Make, subscribe: Make, settled: Make, deliveries: Make
) -> None:
    receiver: Receiver = new_receiver(lambda connection: connection.send(b""))
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, "things/0")
    assert settled(webhook).error
    receiver.answer = hang
    happen(sending, *(f"things/{number}" for number in range(1, 20)))
    wait_until(lambda: receiver.open, "the next try")
    wait_until(lambda: len(deliveries(webhook)) == 20, "the others")
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
    assert len(set(subjects(receiver))) == 31
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
