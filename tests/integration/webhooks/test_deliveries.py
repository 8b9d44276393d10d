"""Events become deliveries once each, and deliveries are shared out fairly and to one at a time."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from service.events.service import EventService
from service.kernel.call import Call
from service.kernel.clock import Clock
from service.storage.database import Database
from service.storage.pages import Pager
from service.storage.retention import purge
from service.webhooks import deliveries as module
from service.webhooks.deliveries import Deliveries
from service.webhooks.models import Claim, Message, Outcome
from tests.support.databases import RING, Databases
from tests.support.house import House, house, settings
from tests.support.things import ThingHappened
from tests.support.waiting import wait_until

URL = "https://receiver.invalid/"
_WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event_type = 'Lock' AND query LIKE '%webhook_cursor%'"
)


@pytest.fixture(scope="module")
def sending(databases: Databases) -> Iterator[House]:
    """A house that sends nothing by itself."""
    with house(databases.new(), settings()) as running:
        yield running


@pytest.fixture
def database(sending: House) -> Iterator[Database]:
    made = Database(sending.stores.database_url, RING, connections=4)
    yield made
    made.dispose()


@pytest.fixture
def deliveries(sending: House, database: Database) -> Iterator[Deliveries]:
    """One with nothing in it, and nothing before it."""
    events = EventService(database, Pager(RING))
    made = Deliveries(database, RING, Clock(), events, issuer="https://gatehouse.local")
    yield made
    sending.sql("DELETE FROM deliveries")
    sending.sql("DELETE FROM webhooks")


@pytest.fixture
def subscribe(sending: House, deliveries: Deliveries) -> Callable[..., UUID]:
    """Creates a webhook for things, whose receiver is prompt or not; answers its id."""

    def create(*, prompt: bool = True, **fields: Any) -> UUID:
        wanted = {"url": URL, "event_types": ["gatehouse.things."]} | fields
        made = sending.admin.webhooks.CreateWebhook(webhook=wanted).webhook
        webhook = UUID(made.name.removeprefix("webhooks/"))
        sending.sql(
            "UPDATE webhooks SET prompt = :prompt WHERE id = :it", it=webhook, prompt=prompt
        )
        return webhook

    return create


def happen(database: Database, count: int = 1, subject: str = "things/1") -> None:
    with database.transaction(Call.internal("test")) as tx:
        for _ in range(count):
            tx.record(ThingHappened(subject))
        tx.commit(None)


def fill(deliveries: Deliveries) -> None:
    while deliveries.fill():
        pass


def rows_of(house: House) -> list[Any]:
    return house.sql("SELECT * FROM deliveries ORDER BY position")


def claim(
    deliveries: Deliveries, *, each: int = 8, slow: int = 64, most: int = 64, **busy: int
) -> list[Claim]:
    known = {UUID(webhook): count for webhook, count in busy.items()}
    messages = deliveries.claim(known, each=each, slow=slow, most=most)
    return [it.claim for it in messages]


def lose_leases(house: House) -> None:
    house.sql("UPDATE deliveries SET next_attempt_time = now() WHERE state = 'PENDING'")


def test_two_dispatchers_at_once_make_each_event_a_delivery_once(
    sending: House,
    database: Database,
    deliveries: Deliveries,
    subscribe: Callable[..., UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PAGE", 7)
    webhooks = {subscribe(), subscribe()}
    happen(database, 100)

    def race() -> None:
        for _ in range(40):
            deliveries.fill()

    with ThreadPoolExecutor(2) as racers:
        for one in [racers.submit(race) for _ in range(2)]:
            one.result()
    rows = rows_of(sending)
    assert len(rows) == 200
    assert {it.webhook for it in rows} == webhooks


def test_while_one_dispatcher_is_at_it_another_does_nothing_and_does_not_wait(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    subscribe()
    happen(database)
    with database.transaction(Call.internal("other")) as tx:
        tx.connection.execute(text("SELECT FROM webhook_cursor FOR UPDATE"))
        fill(deliveries)
        assert not rows_of(sending)
    fill(deliveries)
    assert len(rows_of(sending)) == 1


def test_an_event_whose_commit_is_slow_is_not_skipped(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    """It has its place in the order before others ask for theirs; they wait for it."""
    subscribe()
    with ThreadPoolExecutor(1) as others:
        with database.transaction(Call.internal("slow")) as tx:
            tx.in_order()
            tx.record(ThingHappened("things/slow"))
            quick = others.submit(happen, database, 1, "things/quick")
            fill(deliveries)
            assert not rows_of(sending)
            tx.commit(None)
        quick.result()
    fill(deliveries)
    rows = sending.sql(
        "SELECT e.subject FROM deliveries d JOIN events e ON e.id = d.event ORDER BY 1"
    )
    assert [it.subject for it in rows] == ["things/quick", "things/slow"]


def test_what_happened_while_it_was_disabled_is_not_for_it_however_late_the_dispatcher(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    name = f"webhooks/{subscribe()}"
    fill(deliveries)
    for state, subject in (
        (2, "things/on"),
        (1, "things/off"),
        (2, "things/on"),
        (1, "things/off"),
    ):
        happen(database, subject=subject)
        sending.admin.webhooks.UpdateWebhook(webhook={"name": name, "state": state})
    happen(database, subject="things/on")
    fill(deliveries)
    rows = sending.sql("SELECT e.subject FROM deliveries d JOIN events e ON e.id = d.event")
    assert [it.subject for it in rows] == ["things/on"] * 3


@pytest.mark.parametrize("state", [1, 2])
def test_what_happened_before_its_types_were_changed_is_for_it_by_the_old_ones(
    sending: House,
    database: Database,
    deliveries: Deliveries,
    subscribe: Callable[..., UUID],
    state: int,
) -> None:
    wanted, unwanted = ["gatehouse.things."], ["never."]
    narrowed, widened = subscribe(event_types=wanted), subscribe(event_types=unwanted)
    fill(deliveries)
    happen(database, 3)
    for webhook, types in ((narrowed, unwanted), (widened, wanted)):
        change = {"name": f"webhooks/{webhook}", "event_types": types, "state": state}
        sending.admin.webhooks.UpdateWebhook(webhook=change)
    happen(database, 2)
    fill(deliveries)
    after = {widened: 2} if state == 1 else {}
    assert Counter(it.webhook for it in rows_of(sending)) == {narrowed: 3} | after


def test_who_changes_its_types_waits_for_the_dispatcher_and_nobody_for_them(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    change = {"name": f"webhooks/{subscribe()}", "event_types": ["never."]}
    update = sending.admin.webhooks.UpdateWebhook
    with ThreadPoolExecutor(1) as others:
        with database.transaction(Call.internal("dispatcher")) as tx:
            tx.connection.execute(text("SELECT FROM webhook_cursor FOR UPDATE"))
            changing = others.submit(lambda: update(webhook=change))
            wait_until(lambda: sending.sql(_WAITING), "the change to wait")
            happen(database)
        changing.result()
    fill(deliveries)
    assert len(rows_of(sending)) == 1


def test_its_types_can_be_changed_while_events_are_dispatched(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    webhook = subscribe()
    fill(deliveries)
    with ThreadPoolExecutor(2) as others:
        happening = others.submit(lambda: [happen(database) for _ in range(100)])
        filling = others.submit(lambda: [fill(deliveries) for _ in range(100)])
        for number in range(20):
            types = ["gatehouse.things.", f"number{number}."]
            change = {"name": f"webhooks/{webhook}", "event_types": types}
            sending.admin.webhooks.UpdateWebhook(webhook=change)
        happening.result()
        filling.result()
    fill(deliveries)
    assert len(rows_of(sending)) == 100


def test_a_webhook_that_is_deleted_before_the_dispatcher_comes_gets_nothing(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    webhook = subscribe()
    happen(database)
    sending.admin.webhooks.DeleteWebhook(name=f"webhooks/{webhook}")
    fill(deliveries)
    assert not rows_of(sending)


def test_a_delivery_is_one_process_to_send(
    database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    for _ in range(10):
        subscribe()
    happen(database, 20)
    fill(deliveries)
    with ThreadPoolExecutor(4) as processes:
        asked = [processes.submit(claim, deliveries, each=3, most=20) for _ in range(12)]
        claimed = [it for one in asked for it in one.result()]
    counts = Counter((it.webhook, it.event) for it in claimed)
    assert claimed
    assert set(counts.values()) == {1}


def test_what_a_killed_process_had_claimed_is_taken_up_by_another_after_a_while(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    subscribe()
    happen(database)
    fill(deliveries)
    [first] = claim(deliveries)
    assert not claim(deliveries)
    assert timedelta(seconds=15) < module.LEASE <= timedelta(minutes=1)
    lose_leases(sending)
    [second] = claim(deliveries)
    assert (second.event, second.attempts) == (first.event, 2)


def test_who_lost_a_claim_does_not_settle_it(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    webhook = subscribe()
    happen(database)
    fill(deliveries)
    [lost] = claim(deliveries)
    lose_leases(sending)
    [claimed] = claim(deliveries)
    deliveries.settle(lost, Outcome(500))
    assert rows_of(sending)[0].response_code == 0
    deliveries.settle(claimed, Outcome(200))
    assert rows_of(sending)[0].state == "SUCCEEDED"
    event = f"events/{claimed.event}"
    sending.admin.webhooks.RedeliverEvent(webhook=f"webhooks/{webhook}", event=event)
    deliveries.settle(claimed, Outcome(410))
    assert rows_of(sending)[0].state == "PENDING"


def test_places_go_first_to_those_with_the_fewest_on_their_way(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    crowded = subscribe()
    happen(database, 50)
    fill(deliveries)
    quiet = [subscribe() for _ in range(3)]
    happen(database, 1)
    fill(deliveries)
    shares = Counter(it.webhook for it in claim(deliveries, most=5, **{str(crowded): 4}))
    assert shares == {**dict.fromkeys(quiet, 1), crowded: 2}
    assert not claim(deliveries, **{str(crowded): 8})


def test_one_webhook_takes_no_more_than_its_share(
    database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    subscribe()
    happen(database, 50)
    fill(deliveries)
    assert len(claim(deliveries, each=8, most=64)) == 8


def test_who_is_not_prompt_takes_one_place_and_all_such_a_share(
    database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    slow = [subscribe(prompt=False) for _ in range(10)]
    prompt = subscribe()
    happen(database, 50)
    fill(deliveries)
    first = Counter(it.webhook for it in claim(deliveries, slow=6))
    assert first.pop(prompt) == 8
    assert len(first) == 6
    assert set(first.values()) == {1}
    busy = {str(webhook): 1 for webhook in first}
    assert {it.webhook for it in claim(deliveries, slow=6, **busy)} == {prompt}
    after = {it.webhook for it in claim(deliveries, slow=10, **busy)} - {prompt}
    assert after == set(slow) - first.keys()


@pytest.mark.parametrize("prompt", [True, False])
def test_how_a_try_went_decides_how_many_places_there_are(
    database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID], prompt: bool
) -> None:
    subscribe(prompt=not prompt)
    happen(database, 50)
    fill(deliveries)
    deliveries.settle(claim(deliveries)[0], Outcome(500, prompt=prompt))
    assert len(claim(deliveries)) == (8 if prompt else 1)


def test_a_new_webhook_has_one_place_until_it_answers(
    sending: House, database: Database, deliveries: Deliveries
) -> None:
    wanted = {"url": URL, "event_types": ["gatehouse.things."]}
    sending.admin.webhooks.CreateWebhook(webhook=wanted)
    happen(database, 50)
    fill(deliveries)
    assert len(claim(deliveries)) == 1


def test_what_is_never_settled_comes_to_an_end_too(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    subscribe()
    happen(database)
    fill(deliveries)
    for _ in range(10):
        assert len(claim(deliveries)) == 1
        lose_leases(sending)
    assert not claim(deliveries)
    [row] = rows_of(sending)
    assert (row.state, "cut short" in row.error) == ("FAILED", True)


def test_an_event_that_is_not_kept_any_more_is_given_up(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    subscribe()
    happen(database, 2)
    fill(deliveries)
    [gone, _] = rows_of(sending)
    sending.sql("UPDATE event_archive SET exported = :p", p=gone.position)
    sending.sql("DELETE FROM events WHERE position = :p", p=gone.position)
    assert len(claim(deliveries)) == 1, "the other is sent"
    [row, _] = rows_of(sending)
    assert (row.state, "not kept" in row.error) == ("FAILED", True)


def test_deliveries_go_a_month_after_their_end_and_those_of_deleted_webhooks_at_once(
    sending: House, database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    kept, gone = subscribe(), subscribe()
    happen(database, 5)
    fill(deliveries)
    sending.sql(
        "UPDATE deliveries SET state = 'SUCCEEDED', last_attempt_time = now() - CASE"
        " WHEN position % 2 = 0 THEN interval '31 days' ELSE interval '29 days' END"
        " WHERE webhook = :it AND position < (SELECT max(position) FROM deliveries)",
        it=kept,
    )
    old = [it for it in rows_of(sending) if it.webhook == kept and it.position % 2 == 0]
    old = [it for it in old if it.state == "SUCCEEDED"]
    sending.admin.webhooks.DeleteWebhook(name=f"webhooks/{gone}")
    deleted = purge(database)
    assert deleted["deliveries"] == len(old) > 0
    assert deleted["deliveries_of_deleted_webhooks"] == 5
    assert len(rows_of(sending)) == 5 - len(old)


def test_secrets_and_bodies_are_in_no_repr(
    database: Database, deliveries: Deliveries, subscribe: Callable[..., UUID]
) -> None:
    subscribe(url=f"{URL}T0K3N")
    happen(database)
    fill(deliveries)
    [message] = deliveries.claim({}, each=8, slow=64, most=64)
    assert isinstance(message, Message)
    assert "T0K3N" not in repr(message)
    assert "signature" not in repr(message)
    with database.reading() as connection:
        [sealed] = connection.execute(text("SELECT secret FROM webhooks")).scalars()
    assert repr(bytes(sealed)) not in repr(message)
