"""What is not taken is tried again: as published, and as the receiver asks for."""

import gzip
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest
from standardwebhooks import Webhook

from service.webhooks import posting
from tests.support import receiver as answers
from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings, worked_off
from tests.support.moved_clock import MovedClock
from tests.support.receiver import Connection, Receiver, status
from tests.support.things import ThingHappened, happen
from tests.support.waiting import wait_until

ACTIVE, DISABLED = 1, 2
PENDING, SUCCEEDED, FAILED = 1, 2, 3
DAY = 24 * 3600.0
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def moved(databases: Databases) -> Iterator[tuple[House, Callable[[float], None]]]:
    """A house that sends, and how to let so many seconds pass there."""
    stores = databases.new()
    clock = MovedClock(stores)
    chosen = settings(webhook_allow_private=True)
    with house(stores, chosen) as running, worked_off(running) as work:
        yield (
            running,
            lambda seconds: clock.move(seconds, running.application.services, work._stores),
        )


@pytest.fixture
def sending(moved: tuple[House, Any]) -> House:
    return moved[0]


@pytest.fixture
def let_pass(moved: tuple[House, Callable[[float], None]]) -> Callable[[float], None]:
    return moved[1]


@pytest.fixture
def owner(sending: House) -> Person:
    """The first admin, with a token that no test's passing of time has ended."""
    return sending.sign_in(sending.admin.credentials)


@pytest.fixture
def webhook(receiver: Receiver, subscribe: Make) -> Any:
    return subscribe(receiver, ThingHappened.type).webhook


@pytest.mark.parametrize("seconds", [-240, 240])
def test_a_database_whose_clock_is_a_little_off_signs_what_still_verifies(
    databases: Databases, new_receiver: Make, seconds: int
) -> None:
    stores = databases.new()
    MovedClock(stores).move(seconds)
    chosen = settings(webhook_allow_private=True)
    with house(stores, chosen) as running, worked_off(running):
        receiver = new_receiver()
        wanted = {"url": receiver.url(), "event_types": [ThingHappened.type]}
        secret = running.admin.webhooks.CreateWebhook(webhook=wanted).secret
        happen(running, "things/1")
        wait_until(lambda: receiver.received, "the message")
    [message] = receiver.received
    assert Webhook(secret).verify(message.body, dict(message.headers))
    stamp = int(message.headers["webhook-timestamp"])
    assert abs(stamp - time.time() - seconds) < 60, "it is not the database's clock"


def pause(delivery: Any) -> float:
    """Seconds from a try to the next."""
    passed = delivery.next_attempt_time.ToNanoseconds() - delivery.last_attempt_time.ToNanoseconds()
    return float(passed / 1e9)


def test_the_schedule_is_the_published_one_and_ends_with_the_tenth_try(
    sending: House,
    let_pass: Callable[[float], None],
    receiver: Receiver,
    webhook: Any,
    settled: Make,
) -> None:
    receiver.answer = status(500, b"not now")
    happen(sending, "things/1")
    pauses = []
    for attempts in range(1, 10):
        delivery = settled(webhook, attempts)
        assert (delivery.state, delivery.attempts) == (PENDING, attempts)
        pauses.append(pause(delivery))
        let_pass(pauses[-1])
    published = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    for actual, wanted in zip(pauses, published, strict=True):
        assert 0.9 * wanted <= actual <= 1.1 * wanted + 20  # and what the try itself took
    dead = settled(webhook, 10)
    assert (dead.state, dead.attempts, dead.response_code) == (FAILED, 10, 500)
    assert not dead.HasField("next_attempt_time")
    assert dead.response_excerpt == "not now"
    assert len({it.id for it in receiver.received}) == 1
    assert len(receiver.received) == 10
    stamps = [int(it.headers["webhook-timestamp"]) for it in receiver.received]
    assert stamps == sorted(stamps)
    assert stamps[-1] - stamps[0] > 3 * DAY - 10 * 3600, "each is signed for its own time"


def test_a_receiver_that_fails_for_a_while_gets_it_in_the_end(
    sending: House,
    let_pass: Callable[[float], None],
    receiver: Receiver,
    webhook: Any,
    settled: Make,
) -> None:
    receiver.answer = status(500)
    happen(sending, "things/1")
    for attempts in (1, 2):
        let_pass(pause(settled(webhook, attempts)))
    third = settled(webhook, 3)
    receiver.answer = status(204)
    let_pass(pause(third))
    assert settled(webhook, 4).state == SUCCEEDED
    assert len({it.body for it in receiver.received}) == 1


def test_a_dead_letter_is_sent_again_on_request_and_begins_the_schedule_anew(
    sending: House,
    owner: Person,
    receiver: Receiver,
    webhook: Any,
    settled: Make,
    deliveries: Make,
) -> None:
    receiver.answer = status(500)
    happen(sending, "things/1")
    delivery = settled(webhook)
    sending.sql(
        "UPDATE deliveries SET attempts = 9, next_attempt_time = clock_timestamp()"
        " WHERE 'webhooks/' || webhook = :it",
        it=webhook.name,
    )
    settled(webhook, 10)
    assert [it.event for it in deliveries(webhook, state=FAILED)] == [delivery.event]
    owner.webhooks.RedeliverEvent(webhook=webhook.name, event=delivery.event)
    again = settled(webhook, 1)
    assert (again.state, again.attempts) == (PENDING, 1)
    assert pause(again) < 30


@pytest.mark.parametrize("code", [429, 503, 400])
def test_a_pause_that_the_receiver_asks_for_is_kept(
    sending: House, receiver: Receiver, webhook: Any, settled: Make, code: int
) -> None:
    receiver.answer = status(code, retry_after="3600")
    happen(sending, "things/1")
    assert 3600 <= pause(settled(webhook)) < 3600 + 30


def test_it_may_be_a_date(sending: House, receiver: Receiver, webhook: Any, settled: Make) -> None:
    now = sending.application.services.clock.timestamp()
    receiver.answer = status(429, retry_after=formatdate(now + 1800, usegmt=True))
    happen(sending, "things/1")
    assert 1798 <= pause(settled(webhook)) < 1800 + 30


def test_a_date_that_is_none_asks_for_nothing(
    sending: House, receiver: Receiver, webhook: Any, settled: Make
) -> None:
    receiver.answer = status(503, retry_after=f"Mon, 01 Jan 2020 00:00:00 +{10**20}")
    happen(sending, "things/1")
    delivery = settled(webhook)
    assert (delivery.response_code, delivery.error) == (503, "")
    assert pause(delivery) < 10


def test_a_pause_shorter_than_the_schedules_is_not(
    sending: House, receiver: Receiver, webhook: Any, settled: Make
) -> None:
    receiver.answer = status(429, retry_after="0")
    happen(sending, "things/1")
    assert pause(settled(webhook)) >= 4.5


def test_a_receiver_that_is_gone_disables_its_webhook(
    sending: House, owner: Person, receiver: Receiver, webhook: Any, settled: Make
) -> None:
    receiver.answer = status(410)
    happen(sending, "things/1")
    delivery = settled(webhook)
    assert (delivery.state, delivery.attempts, delivery.response_code) == (FAILED, 1, 410)
    assert owner.webhooks.GetWebhook(name=webhook.name).webhook.state == DISABLED
    [row] = sending.sql(
        "SELECT actor, data FROM events WHERE subject = :it AND type LIKE '%.disabled'",
        it=webhook.name,
    )
    assert (row.actor, "410" in row.data["reason"]) == ("", True)
    happen(sending, "things/2")
    owner.webhooks.UpdateWebhook(webhook={"name": webhook.name, "state": ACTIVE})
    happen(sending, "things/3")
    wait_until(lambda: len(receiver.received) == 2, "the next")
    assert receiver.received[1].event["subject"] == "things/3"


def test_it_does_not_when_the_webhook_leads_elsewhere_by_then(
    sending: House,
    owner: Person,
    new_receiver: Make,
    subscribe: Make,
    settled: Make,
    let_pass: Callable[[float], None],
) -> None:
    after = new_receiver()

    async def move_then_go(connection: Connection) -> None:
        wanted = {"name": webhook.name, "url": after.url()}
        owner.webhooks.UpdateWebhook(webhook=wanted)
        await connection.answer(410)

    webhook = subscribe(new_receiver(move_then_go), ThingHappened.type).webhook
    happen(sending, "things/1")
    assert settled(webhook).state == PENDING
    assert owner.webhooks.GetWebhook(name=webhook.name).webhook.state == ACTIVE
    let_pass(10)
    wait_until(lambda: after.received, "the next try, there")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    sending: House, new_receiver: Make, subscribe: Make, settled: Make, code: int
) -> None:
    target = new_receiver()
    receiver = new_receiver(status(code, location=target.url()))
    webhook = subscribe(receiver, ThingHappened.type).webhook
    happen(sending, "things/1")
    delivery = settled(webhook)
    assert (delivery.state, delivery.response_code) == (PENDING, code)
    assert not target.received


def test_what_is_set_in_a_cookie_does_not_come_back(
    sending: House, receiver: Receiver, subscribe: Make
) -> None:
    subscribe(receiver, ThingHappened.type, url=f"http://localhost:{receiver.port}/")
    receiver.answer = status(200, set_cookie="a=b; Path=/")
    happen(sending, "things/1", "things/2")
    wait_until(lambda: len(receiver.received) == 2, "both")
    happen(sending, "things/3")
    wait_until(lambda: len(receiver.received) == 3, "the third")
    assert not any("cookie" in it.headers for it in receiver.received)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answers.hang, "no answer within"),
        (answers.drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), "no answer within"),
        (answers.close_early, "closed before"),
        (answers.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "no answer in HTTP"),
        (answers.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000), "no answer in HTTP"),
        (answers.raw(b"HTTP/1.1 000 OK\r\n\r\n"), "no answer in HTTP"),
        (answers.flood(b"HTTP/1.1 100 Continue\r\n\r\n"), "no answer in HTTP"),
    ],
    ids=["hangs", "drips", "closes", "speaks something else", "has huge headers", "0", "floods"],
)
def test_without_an_answer_it_is_told_why(
    sending: House,
    receiver: Receiver,
    webhook: Any,
    settled: Make,
    monkeypatch: pytest.MonkeyPatch,
    answer: Any,
    error: str,
) -> None:
    monkeypatch.setattr(posting, "_SECONDS", 0.5)
    receiver.answer = answer
    happen(sending, "things/1")
    delivery = settled(webhook)
    assert (delivery.state, delivery.response_code) == (PENDING, 0)
    assert error in delivery.error


def test_an_interim_answer_is_none_yet(
    sending: House, receiver: Receiver, webhook: Any, settled: Make
) -> None:
    receiver.answer = answers.raw(
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    )
    happen(sending, "things/1")
    assert settled(webhook).response_code == 204


def test_nobody_listening_is_told(
    sending: House, subscribe: Make, settled: Make, receiver: Receiver
) -> None:
    closed = Receiver()
    closed.port = 1
    webhook = subscribe(closed, ThingHappened.type).webhook
    happen(sending, "things/1")
    assert "Connection refused" in settled(webhook).error


def test_a_host_that_is_not_found_is_told(
    sending: House, subscribe: Make, settled: Make, receiver: Receiver
) -> None:
    url = "http://receiver.invalid/hooks"
    webhook = subscribe(receiver, ThingHappened.type, url=url).webhook
    happen(sending, "things/1")
    assert settled(webhook).error == "The host was not found."


def test_a_2xx_counts_though_its_body_drips(
    sending: House,
    receiver: Receiver,
    webhook: Any,
    settled: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posting, "_SECONDS", 0.5)
    receiver.answer = answers.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nso far")
    happen(sending, "things/1")
    delivery = settled(webhook)
    assert delivery.state == SUCCEEDED
    assert delivery.response_excerpt.startswith("so far")


def test_of_an_answer_the_beginning_is_kept_as_text(
    sending: House, receiver: Receiver, webhook: Any, settled: Make
) -> None:
    body = "größe\0\x1b[31m\n\u202e".encode() + b"\xff" + b"x" * 1_000_000
    receiver.answer = status(500, body)
    happen(sending, "things/1")
    excerpt = settled(webhook).response_excerpt
    assert excerpt.startswith("größe  [31m  ")
    assert 900 < len(excerpt) <= 1024
    assert excerpt.isprintable()


def test_a_compressed_answer_is_not_unpacked(
    sending: House, receiver: Receiver, webhook: Any, settled: Make
) -> None:
    receiver.answer = status(200, gzip.compress(b"boom" * 1_000_000), content_encoding="gzip")
    happen(sending, "things/1")
    delivery = settled(webhook)
    assert delivery.state == SUCCEEDED
    assert "boom" * 10 not in delivery.response_excerpt
    assert "accept-encoding" not in receiver.received[0].headers
