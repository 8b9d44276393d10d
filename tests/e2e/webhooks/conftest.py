"""A house that may send to loopback, whoever does the sending, and receivers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings, worked_off
from tests.support.receiver import Receiver
from tests.support.waiting import wait_until


@pytest.fixture(scope="package")
def sending(databases: Databases) -> Iterator[House]:
    """Serves, and sends, to loopback too."""
    chosen = settings(webhook_allow_private=True)
    with house(databases.new(), chosen) as running, worked_off(running):
        yield running


@pytest.fixture
def owner(sending: House) -> Person:
    """The first admin there."""
    return sending.admin


@pytest.fixture
def receiver(new_receiver: Callable[..., Receiver]) -> Receiver:
    """One that takes everything."""
    return new_receiver()


@pytest.fixture
def subscribe(sending: House, owner: Person) -> Iterator[Callable[..., Any]]:
    """Creates webhooks, deleted with the test: answers what CreateWebhook does."""
    made = []

    def create(receiver: Receiver, *event_types: str, **fields: Any) -> Any:
        wanted = {"url": receiver.url(), "event_types": event_types} | fields
        answer = owner.webhooks.CreateWebhook(webhook=wanted)
        made.append(answer.webhook.name)
        return answer

    yield create
    again = sending.sign_in(owner.credentials)  # hours may have passed
    for name in made:
        again.webhooks.DeleteWebhook(name=name)


@pytest.fixture
def deliveries(sending: House) -> Callable[..., list[Any]]:
    """What ListDeliveries says of a webhook, however many hours have passed."""

    def listed(webhook: Any, **which: Any) -> list[Any]:
        owner = sending.sign_in(sending.admin.credentials)
        return list(owner.webhooks.ListDeliveries(webhook=webhook.name, **which).deliveries)

    return listed


@pytest.fixture
def settled(deliveries: Callable[..., list[Any]]) -> Callable[..., Any]:
    """Waits until a webhook's one delivery was tried so often, and answers it."""

    def wait(webhook: Any, attempts: int = 1, **which: Any) -> Any:
        def tried() -> bool:
            found = deliveries(webhook, **which)
            return bool(found) and found[0].attempts >= attempts and not _under_way(found[0])

        wait_until(tried, f"{attempts} tries")
        return deliveries(webhook, **which)[0]

    return wait


def _under_way(delivery: Any) -> bool:
    return not (delivery.response_code or delivery.error)
