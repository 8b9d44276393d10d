"""A house that may send to loopback, whoever does the sending, and receivers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from service.wiring.webhook_work import WebhookWork
from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings
from tests.support.receiver import Receiver, receivers
from tests.support.waiting import wait_until


@pytest.fixture(scope="package")
def gatehouse(databases: Databases) -> Iterator[House]:
    """Serves, and sends to loopback too."""
    chosen = settings(webhook_allow_private=True)
    with house(databases.new(), chosen) as running:
        work = WebhookWork(chosen, running.stores)
        work.start()
        yield running
        work.stop()


@pytest.fixture(scope="package")
def admin(gatehouse: House) -> Person:
    """The first admin, owner of `/`."""
    return gatehouse.admin


@pytest.fixture
def new_receiver() -> Iterator[Callable[..., Receiver]]:
    """Makes receivers."""
    with receivers() as make:
        yield make


@pytest.fixture
def receiver(new_receiver: Callable[..., Receiver]) -> Receiver:
    """One that takes everything."""
    return new_receiver()


@pytest.fixture
def subscribe(admin: Person) -> Iterator[Callable[..., Any]]:
    """Creates webhooks, deleted with the test: answers what CreateWebhook does."""
    with ExitStack() as made:

        def create(receiver: Receiver, *event_types: str, **fields: Any) -> Any:
            wanted = {"url": receiver.url(), "event_types": event_types} | fields
            answer = admin.webhooks.CreateWebhook(webhook=wanted)
            made.callback(admin.webhooks.DeleteWebhook, name=answer.webhook.name)
            return answer

        yield create


@pytest.fixture
def deliveries(admin: Person) -> Callable[..., list[Any]]:
    """What ListDeliveries says of a webhook."""
    return lambda webhook, **which: list(
        admin.webhooks.ListDeliveries(webhook=webhook.name, **which).deliveries
    )


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
