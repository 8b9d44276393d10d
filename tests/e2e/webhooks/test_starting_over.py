"""Whatever happens to it, the sender goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from service.webhooks import posting
from service.webhooks.outbox import Outbox
from service.wiring import BackgroundWork
from tests.e2e.webhooks.test_sending import ThingHappened, happen
from tests.support.databases import Databases
from tests.support.house import house, settings
from tests.support.receiver import Receiver
from tests.support.waiting import wait_until


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
        (Outbox, "claim"),
        (Outbox, "fill"),
        (Outbox, "settle"),
    ],
)
def test_after_a_fault_it_goes_on(
    databases: Databases,
    receiver: Receiver,
    failing_once: Callable[[type, str], list[object]],
    owner: type,
    name: str,
) -> None:
    chosen = settings(webhook_allow_private=True)
    with house(databases.new(), chosen) as running:
        faults = failing_once(owner, name)
        work = BackgroundWork(chosen, running.stores)
        work.start()
        wanted = {"url": receiver.url(), "event_types": [ThingHappened.type]}
        running.admin.webhooks.CreateWebhook(webhook=wanted)
        happen(running, "things/1")
        wait_until(lambda: faults, "the fault")
        happen(running, "things/2")
        wait_until(
            lambda: "things/2" in {it.event["subject"] for it in list(receiver.received)},
            "what came after it",
        )
        work.stop()
