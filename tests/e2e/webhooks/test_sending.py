"""What happens is sent, signed, to who asked for it."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.support.clients import Person
from tests.support.house import House
from tests.support.receiver import Receiver, status
from tests.support.things import ThingHappened, happen
from tests.support.waiting import wait_until

ACTIVE, DISABLED = 1, 2
SUCCEEDED = 2
Make = Callable[..., Any]


def verified(secret: str, message: Any) -> Any:
    """The message, as the reference library opens it."""
    return Webhook(secret).verify(message.body, dict(message.headers))


def test_an_event_is_sent_as_a_signed_cloudevent(
    sending: House, owner: Person, receiver: Receiver, subscribe: Make
) -> None:
    secret = subscribe(receiver, "gatehouse.groups.created").secret
    group = owner.groups.CreateGroup(group={}).group.name
    wait_until(lambda: receiver.received, "the message")
    [message] = receiver.received
    [row] = sending.sql("SELECT * FROM events WHERE subject = :it", it=group)
    event = verified(secret, message)
    revision, time = event.pop("revision"), event.pop("time")
    assert event == {
        "specversion": "1.0",
        "id": str(row.id),
        "source": "https://gatehouse.local",
        "type": "gatehouse.groups.created",
        "subject": group,
        "datacontenttype": "application/json",
        "data": row.data,
        "actor": owner.name,
        "requestid": row.request_id,
    }
    assert time == row.time.isoformat().replace("+00:00", "Z")
    assert owner.access.CheckAccess(
        permission="a.b", path="/", consistency={"at_least_as_fresh": revision}
    )


def test_its_headers_are_those_of_standard_webhooks(
    sending: House, receiver: Receiver, subscribe: Make
) -> None:
    subscribe(receiver, ThingHappened.type)
    happen(sending, "things/1")
    wait_until(lambda: receiver.received, "the message")
    [message] = receiver.received
    headers = message.headers
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == f"gatehouse/{version('gatehouse')}"
    assert message.id == message.event["id"]
    assert UUID(message.id)
    assert headers["webhook-timestamp"].isdigit()
    assert not {"cookie", "authorization", "traceparent"} & headers.keys()


def test_the_address_of_who_called_is_nobody_elses(
    owner: Person, receiver: Receiver, subscribe: Make
) -> None:
    subscribe(receiver, "gatehouse.groups.created")
    owner.groups.CreateGroup(group={})
    wait_until(lambda: receiver.received, "the message")
    assert "127.0.0.1" not in receiver.received[0].body.decode()


def test_the_path_and_query_are_sent_as_they_were_written(
    sending: House, owner: Person, receiver: Receiver, subscribe: Make
) -> None:
    path = "/a%2Fb/%7Ec/d;e?token=a%20b&c=%F0%9F%8C%8D&d="
    subscribe(receiver, ThingHappened.type, url=receiver.url(path))
    happen(sending, "things/1")
    wait_until(lambda: receiver.received, "the message")
    assert receiver.received[0].target == path


def test_whatever_is_in_the_data_arrives_whole(
    sending: House, receiver: Receiver, subscribe: Make
) -> None:
    secret = subscribe(receiver, ThingHappened.type).secret
    data = {"text": "Grüße, 世界 🌍 \u2028 </script> \"\\'", "large": "ä" * 1_000_000, "none": None}
    happen(sending, "things/1", **data)
    wait_until(lambda: receiver.received, "the message")
    assert verified(secret, receiver.received[0])["data"] == data


def test_each_webhook_gets_what_it_wants_and_no_more(
    sending: House, owner: Person, new_receiver: Make, subscribe: Make
) -> None:
    wishes: list[tuple[str, ...]] = [
        ("gatehouse.groups.",),
        ("gatehouse.groups.created", "gatehouse.things."),
        ("gatehouse.group",),
        ("roups.",),
        (),
    ]
    got = []
    for wish in wishes:
        got.append(new_receiver())
        subscribe(got[-1], *wish)
    group = owner.groups.CreateGroup(group={}).group.name
    happen(sending, "things/1")
    owner.groups.DeleteGroup(name=group)
    wait_until(lambda: len(got[4].of_type("gatehouse.groups.deleted")) == 1, "the last event")
    wait_until(lambda: len(got[1].received) == 2 and len(got[0].received) == 2, "the others")
    wait_until(lambda: len(got[2].received) == 2, "the others")
    types = [
        sorted(it.event["type"].removeprefix("gatehouse.") for it in one.received) for one in got
    ]
    assert types[0] == types[2] == ["groups.created", "groups.deleted"]
    assert types[1] == ["groups.created", "things.happened"]
    assert types[3] == []


def test_what_happened_before_it_was_created_is_not_sent(
    sending: House, receiver: Receiver, subscribe: Make
) -> None:
    happen(sending, "things/before")
    subscribe(receiver, ThingHappened.type)
    happen(sending, "things/after")
    wait_until(lambda: receiver.received, "the message")
    assert receiver.subjects() == ["things/after"]


def test_a_ping_goes_to_the_webhook_alone_whatever_it_wants(
    owner: Person, new_receiver: Make, subscribe: Make, settled: Make
) -> None:
    one, other = new_receiver(), new_receiver()
    pinged = subscribe(one, "never.").webhook
    subscribe(other, "gatehouse.webhooks.pinged")
    subscribe(other)
    delivery = owner.webhooks.PingWebhook(name=pinged.name).delivery
    assert (delivery.state, delivery.attempts) == (1, 0)
    told = settled(pinged)
    assert (told.name, told.event_type) == (delivery.name, "gatehouse.webhooks.pinged")
    assert (told.state, told.response_code) == (SUCCEEDED, 200)
    assert [it.event["subject"] for it in one.received] == [pinged.name]
    assert f"{pinged.name}/deliveries/{one.received[0].id}" == delivery.name
    assert not other.of_type("gatehouse.webhooks.pinged")


def test_after_a_rotation_either_secret_verifies_for_a_day(
    sending: House, owner: Person, receiver: Receiver, subscribe: Make
) -> None:
    made = subscribe(receiver, ThingHappened.type)
    new = owner.webhooks.RotateSecret(name=made.webhook.name).secret
    happen(sending, "things/1")
    wait_until(lambda: receiver.received, "the message")
    [message] = receiver.received
    assert message.headers["webhook-signature"].count("v1,") == 2
    assert verified(made.secret, message) == verified(new, message)


def test_a_day_after_the_rotation_only_the_new_one_does(
    sending: House, owner: Person, receiver: Receiver, subscribe: Make
) -> None:
    made = subscribe(receiver, ThingHappened.type)
    new = owner.webhooks.RotateSecret(name=made.webhook.name).secret
    sending.sql(
        "UPDATE webhooks SET previous_secret_expire_time = previous_secret_expire_time"
        " - interval '24 hours' WHERE 'webhooks/' || id = :it",
        it=made.webhook.name,
    )
    happen(sending, "things/1")
    wait_until(lambda: receiver.received, "the message")
    assert verified(new, receiver.received[0])
    with pytest.raises(WebhookVerificationError):
        verified(made.secret, receiver.received[0])


def test_another_webhooks_secret_does_not_open_what_is_sealed_for_this_one(
    sending: House, owner: Person, new_receiver: Make, subscribe: Make, settled: Make
) -> None:
    one, other = new_receiver(), new_receiver()
    robbed, thief = subscribe(one, "never.").webhook, subscribe(other, "never.").webhook
    sending.sql(
        "UPDATE webhooks SET secret = (SELECT secret FROM webhooks WHERE 'webhooks/' || id = :a)"
        " WHERE 'webhooks/' || id = :b",
        a=robbed.name,
        b=thief.name,
    )
    owner.webhooks.PingWebhook(name=thief.name)
    delivery = settled(thief)
    assert "sealed" in delivery.error
    assert not other.received


def test_what_happens_while_it_is_disabled_is_not_sent_later(
    sending: House, owner: Person, receiver: Receiver, subscribe: Make
) -> None:
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, "things/1")
    owner.webhooks.UpdateWebhook(webhook={"name": webhook.name, "state": DISABLED})
    happen(sending, "things/2")
    owner.webhooks.UpdateWebhook(webhook={"name": webhook.name, "state": ACTIVE})
    happen(sending, "things/3")
    wait_until(lambda: len(receiver.received) >= 2, "the messages")
    assert sorted(receiver.subjects()) == ["things/1", "things/3"]


def test_what_was_to_be_sent_waits_until_it_is_active_again(
    sending: House, owner: Person, receiver: Receiver, subscribe: Make, settled: Make
) -> None:
    receiver.answer = status(503)
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, "things/1")
    settled(webhook)
    owner.webhooks.UpdateWebhook(webhook={"name": webhook.name, "state": DISABLED})
    sending.sql(
        "UPDATE deliveries SET next_attempt_time = now() WHERE 'webhooks/' || webhook = :it",
        it=webhook.name,
    )
    owner.webhooks.PingWebhook(name=subscribe(receiver, "never.").webhook.name)
    wait_until(lambda: len(receiver.received) == 2, "another's")
    receiver.answer = status(200)
    owner.webhooks.UpdateWebhook(webhook={"name": webhook.name, "state": ACTIVE})
    wait_until(lambda: receiver.subjects().count("things/1") == 2, "the second try")
    assert settled(webhook, 2).attempts == 2


def test_what_was_still_to_be_sent_to_a_deleted_webhook_is_not(
    sending: House, owner: Person, new_receiver: Make, subscribe: Make, settled: Make
) -> None:
    gone, other = new_receiver(status(503)), new_receiver()
    webhook = owner.webhooks.CreateWebhook(
        webhook={"url": gone.url(), "event_types": [ThingHappened.type]}
    ).webhook
    happen(sending, "things/1")
    settled(webhook)
    owner.webhooks.DeleteWebhook(name=webhook.name)
    sending.sql("UPDATE deliveries SET next_attempt_time = now() WHERE state = 'PENDING'")
    owner.webhooks.PingWebhook(name=subscribe(other, "never.").webhook.name)
    wait_until(lambda: other.received, "another's")
    assert len(gone.received) == 1


def test_an_event_is_sent_again_on_request_with_the_same_id(
    sending: House, owner: Person, receiver: Receiver, subscribe: Make, settled: Make
) -> None:
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, "things/1")
    first = settled(webhook)
    again = owner.webhooks.RedeliverEvent(webhook=webhook.name, event=first.event).delivery
    assert (again.name, again.state, again.attempts) == (first.name, 1, 0)
    assert again.create_time.ToNanoseconds() > first.create_time.ToNanoseconds()
    wait_until(lambda: len(receiver.received) == 2, "the second")
    assert receiver.received[0].id == receiver.received[1].id
    assert receiver.received[0].body == receiver.received[1].body
    assert settled(webhook).attempts == 1
    [row] = sending.sql(
        "SELECT actor, data FROM events WHERE subject = :it AND type LIKE '%redelivered'",
        it=webhook.name,
    )
    assert (row.actor, row.data) == (owner.name, {"event": first.event})


def test_an_event_that_it_was_never_sent_can_be(
    sending: House, owner: Person, receiver: Receiver, subscribe: Make
) -> None:
    happen(sending, "things/before")
    [row] = sending.sql(
        "SELECT id FROM events WHERE subject = 'things/before' ORDER BY 1 DESC LIMIT 1"
    )
    webhook = subscribe(receiver, "never.").webhook
    owner.webhooks.RedeliverEvent(webhook=webhook.name, event=f"events/{row.id}")
    wait_until(lambda: receiver.received, "the message")
    assert receiver.received[0].id == str(row.id)


def test_deliveries_are_listed_newest_event_first_in_pages(
    sending: House, owner: Person, receiver: Receiver, subscribe: Make, deliveries: Make
) -> None:
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, *(f"things/{number}" for number in range(7)))
    rows = sending.sql(
        "SELECT id FROM events WHERE type = :it ORDER BY position DESC LIMIT 7",
        it=ThingHappened.type,
    )
    wait_until(lambda: len(deliveries(webhook, state=SUCCEEDED)) == 7, "all of them")
    listed, token = [], ""
    while True:
        answer = owner.webhooks.ListDeliveries(webhook=webhook.name, page_size=3, page_token=token)
        listed += [it.event for it in answer.deliveries]
        token = answer.next_page_token
        if not token:
            break
    assert listed == [f"events/{row.id}" for row in rows]


def test_deliveries_are_found_by_state_and_event(
    sending: House, receiver: Receiver, subscribe: Make, deliveries: Make, settled: Make
) -> None:
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, "things/1")
    delivery = settled(webhook)
    assert deliveries(webhook, state=SUCCEEDED, event=delivery.event) == [delivery]
    assert not deliveries(webhook, state=3)
    assert not deliveries(webhook, event="events/0190a5b4-0000-7000-8000-000000000000")
