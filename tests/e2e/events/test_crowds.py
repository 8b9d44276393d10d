"""Very many watchers, and very many events at once: everybody is told everything, in order."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from gatehouse.events.v1 import event_service_pb2 as pb
from gatehouse.events.v1 import event_service_pb2_grpc as rpc

from service.events import stream as event_stream
from service.transport import watching
from tests.e2e.events.crowd import Listener, burst, listed
from tests.support import raw
from tests.support.house import House
from tests.support.refusals import (
    CANCELLED,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)
from tests.support.waiting import wait_until

MANY = 1000


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house of one's own."""
    return open_house()


@pytest.fixture
def watch(house: House) -> Iterator[Callable[..., Any]]:
    """Opens streams that end with the test; each is up to date when it is answered."""
    with ExitStack() as calls:

        def begin(**fields: Any) -> Any:
            call = house.admin.events.WatchEvents(**fields)
            calls.callback(call.cancel)
            assert not next(call).HasField("event")
            return call

        yield begin


@pytest.fixture
def listen(house: House) -> Iterator[Callable[..., Listener]]:
    """Begins to listen; that ends with the test."""
    with ExitStack() as listeners:

        def begin(**fields: Any) -> Listener:
            made = Listener(lambda: house, **fields)
            listeners.callback(made.stop)
            return made

        yield begin


def told(stream: Any, count: int) -> list[str]:
    """The next events' ids."""
    found: list[str] = []
    while len(found) < count:
        message = next(stream)
        if message.HasField("event"):
            found.append(message.event.id)
    return found


def begin_many(house: House, channel: grpc.Channel, count: int) -> list[Any]:
    """Watchers of new groups, all up to date."""
    watch = rpc.EventServiceStub(channel).WatchEvents
    asked = pb.WatchEventsRequest(type_prefix="gatehouse.groups.created")
    streams = [watch(asked, metadata=house.admin.metadata) for _ in range(count)]
    for stream in streams:
        assert next(stream).cursor
    wait_until(lambda: not house.application.services.event_stream._behind, "the last to join")
    return streams


def test_a_thousand_watchers_are_told_and_take_no_thread(house: House) -> None:
    # A connection of their own: one has no more than a thousand calls at once.
    with grpc.insecure_channel(house.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        streams = begin_many(house, channel, 10)
        few = threading.active_count()
        streams += begin_many(house, channel, MANY - 10)
        assert threading.active_count() <= few + watching._THREADS
        for _ in range(2):
            house.admin.groups.CreateGroup(group={})
        expected = listed(house, type_prefix="gatehouse.groups.created")
        for stream in streams:
            assert told(stream, 2) == expected
        assert house.application.senders.watchers == MANY


def test_who_does_not_read_is_ended_and_holds_up_nobody(
    house: House, listen: Callable[..., Listener]
) -> None:
    token = [(key.encode(), str(value).encode()) for key, value in house.admin.metadata]
    reading = [listen(type_prefix="tried") for _ in range(3)]
    method = "/gatehouse.events.v1.EventService/WatchEvents"
    senders = house.application.senders
    with raw.unread(method, house.address, count=20, headers=token):
        wait_until(lambda: senders.watchers == 23, "all watchers")
        burst(house.stores, 2000)
        expected = listed(house, type_prefix="tried")
        wait_until(lambda: all(len(it.heard) == 2000 for it in reading), "the news")
        assert [it.heard for it in reading] == 3 * [expected]
        wait_until(lambda: senders.watchers == 3, "the end of those who do not read")
    assert [it.ends for it in reading] == 3 * [[]]


def test_a_burst_reaches_everybody_whole_and_in_order(
    house: House, listen: Callable[..., Listener]
) -> None:
    listeners = [listen(type_prefix="tried") for _ in range(4)]
    burst(house.stores, 5000)
    expected = listed(house, type_prefix="tried")
    wait_until(lambda: all(len(it.heard) >= 5000 for it in listeners), "the news")
    assert [it.heard for it in listeners] == 4 * [expected]
    assert [it.ends for it in listeners] == 4 * [[]]


def test_who_reads_slowly_catches_up(house: House, watch: Callable[..., Any]) -> None:
    stream = watch(type_prefix="tried")
    burst(house.stores, 1500)
    found: list[str] = []
    pace = threading.Event()
    while len(found) < 1500:
        found += told(stream, 100)
        pace.wait(0.1)
    assert found == listed(house, type_prefix="tried")


def test_who_resumes_far_back_is_told_as_fast_as_they_read(
    house: House, watch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = next(house.admin.events.WatchEvents()).cursor
    burst(house.stores, 10_000)
    most, put = [0], watching.Outbox.put

    def noting(self: watching.Outbox, message: Any) -> None:
        put(self, message)
        most[0] = max(most[0], self.waiting)

    monkeypatch.setattr(watching.Outbox, "put", noting)
    assert told(watch(cursor=begin, type_prefix="tried"), 10_000) == listed(
        house, type_prefix="tried"
    )
    assert most[0] <= event_stream._LITTLE + event_stream._PAGE + event_stream._RECENT


def test_watchers_who_come_and_go_lose_nothing(house: House) -> None:
    begin = next(house.admin.events.WatchEvents()).cursor
    expected: list[str] = []

    def restless() -> list[str]:
        """Leaves after every few events, and resumes; ends when it heard the last."""
        heard: list[str] = []
        cursor = begin
        while not expected or expected[-1] not in heard:
            stream = house.admin.events.WatchEvents(cursor=cursor, type_prefix="gatehouse.groups.")
            for message in stream:
                cursor = message.cursor
                if message.HasField("event"):
                    heard.append(message.event.id)
                    if len(heard) % 7 == 0 or (expected and expected[-1] in heard):
                        break
            stream.cancel()
        return heard

    with ThreadPoolExecutor(8) as threads:
        watchers = [threads.submit(restless) for _ in range(4)]
        list(threads.map(lambda _: house.admin.groups.CreateGroup(group={}), range(81)))
        expected += listed(house, type_prefix="gatehouse.groups.")
        house.admin.groups.CreateGroup(group={})  # wakes who heard the last one before it was known
        for watcher in watchers:
            assert watcher.result()[:81] == expected


def test_a_watcher_whose_session_ends_hears_no_more(house: House) -> None:
    boss = house.new_person("roles/admin")
    stream = boss.events.WatchEvents()
    next(stream)
    boss.auth.Logout()
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        list(stream)


def test_a_watcher_who_may_no_longer_watch_hears_no_more(house: House) -> None:
    auditor = house.new_person("roles/auditor")
    stream = auditor.events.WatchEvents()
    next(stream)
    house.take_roles(auditor.name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        list(stream)


def test_watchers_are_told_when_the_server_leaves(house: House) -> None:
    stream = house.admin.events.WatchEvents()
    next(stream)
    house.application.senders.end_all()
    with refused(CANCELLED, reason="SHUTTING_DOWN"):
        list(stream)
    live = house.application.services.event_stream._live
    wait_until(lambda: not live, "the server's notice of it")
