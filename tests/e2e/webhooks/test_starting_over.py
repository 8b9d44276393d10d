"""Whatever happens to it, the sender goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from service.webhooks import posting
from service.webhooks.deliveries import LEASE, Deliveries
from tests.support.databases import Databases
from tests.support.house import house, settings, worked_off
from tests.support.receiver import Receiver
from tests.support.things import ThingHappened, happen
from tests.support.waiting import wait_until

PENDING = 1


@pytest.fixture
def failing_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[type, str], list[object]]:
    """Lets a method fail the first time that it is called; answers the faults there were."""

    def fail(owner: type, name: str) -> list[object]:
        faults: list[object] = []
        whole = getattr(owner, name)

        def method(*given: Any, **named: Any) -> Any:
            if not faults:
                faults.append(name)
                raise RuntimeError("of no code of ours")
            return whole(*given, **named)

        monkeypatch.setattr(owner, name, method)
        return faults

    return fail


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (posting.Poster, "__init__"),
        (posting.Poster, "post"),
        (Deliveries, "claim"),
        (Deliveries, "fill"),
        (Deliveries, "settle"),
    ],
)
def test_after_a_fault_it_goes_on(
    databases: Databases,
    receiver: Receiver,
    failing_once: Callable[[type, str], list[object]],
    owner: type,
    name: str,
) -> None:
    faults = failing_once(owner, name)
    chosen = settings(webhook_allow_private=True)
    with house(databases.new(), chosen) as running, worked_off(running):
        wanted = {"url": receiver.url(), "event_types": [ThingHappened.type]}
        running.admin.webhooks.CreateWebhook(webhook=wanted)
        happen(running, "things/1")
        wait_until(lambda: faults, "the fault")
        happen(running, "things/2")
        wait_until(lambda: "things/2" in receiver.subjects(), "what came after it")


def test_what_cannot_be_kept_of_a_try_is_a_failed_one_by_the_schedule(
    databases: Databases, receiver: Receiver, failing_once: Callable[[type, str], list[object]]
) -> None:
    failing_once(Deliveries, "settle")
    chosen = settings(webhook_allow_private=True)
    with house(databases.new(), chosen) as running, worked_off(running):
        webhooks = running.admin.webhooks
        wanted = {"url": receiver.url(), "event_types": [ThingHappened.type]}
        webhook = webhooks.CreateWebhook(webhook=wanted).webhook.name
        happen(running, "things/1")
        wait_until(lambda: receiver.received, "the first try")
        wait_until(lambda: webhooks.ListDeliveries(webhook=webhook).deliveries[0].error, "its end")
        [delivery] = webhooks.ListDeliveries(webhook=webhook).deliveries
    assert (delivery.state, delivery.attempts) == (PENDING, 1)
    assert "server's log" in delivery.error
    pause = delivery.next_attempt_time.seconds - delivery.last_attempt_time.seconds
    assert pause < LEASE.total_seconds() / 2
