"""What happens is sent, signed, to who asked for it."""

from collections.abc import Callable
from typing import Any

from standardwebhooks import Webhook

from tests.support.clients import Person
from tests.support.receiver import Receiver
from tests.support.waiting import wait_until

Subscribe = Callable[..., Any]


def new_group(admin: Person) -> str:
    return str(admin.groups.CreateGroup(group={}).group.name)


def test_what_happens_is_sent_signed(
    admin: Person, receiver: Receiver, subscribe: Subscribe, settled: Callable[..., Any]
) -> None:
    made = subscribe(receiver, "gatehouse.groups.")
    group = new_group(admin)
    wait_until(lambda: receiver.received, "the message")
    [message] = receiver.received
    verified = Webhook(made.secret).verify(message.body, dict(message.headers))
    assert verified["subject"] == group
    delivery = settled(made.webhook)
    assert (delivery.attempts, delivery.response_code) == (1, 200)
    assert delivery.response_excerpt == "thanks"
