"""WatchEvents: what happens, told in order, without a gap."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import (
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    OUT_OF_RANGE,
    PERMISSION_DENIED,
    refused,
)
from tests.support.waiting import wait_until


@pytest.fixture
def watch(auditor: Person) -> Iterator[Callable[..., Any]]:
    """Opens streams that end with the test; each is up to date when it is answered."""
    calls = []

    def begin(*, who: Person = auditor, **fields: Any) -> Any:
        calls.append(who.events.WatchEvents(**fields))
        assert not next(calls[-1]).HasField("event")
        return calls[-1]

    yield begin
    for call in calls:
        call.cancel()


def told(stream: Any, count: int) -> list[Any]:
    """The next events."""
    found: list[Any] = []
    for message in stream:
        if message.HasField("event"):
            found.append(message.event)
            if len(found) == count:
                break
    return found


def groups(admin: Person, count: int) -> list[str]:
    """New groups, one after the other."""
    return [admin.groups.CreateGroup(group={}).group.name for _ in range(count)]


def test_a_watcher_is_told_what_happens_from_now_on(
    admin: Person, watch: Callable[..., Any]
) -> None:
    groups(admin, 1)
    stream = watch(type_prefix="gatehouse.groups.")
    [name] = groups(admin, 1)
    [event] = told(stream, 1)
    assert (event.type, event.subject, event.actor) == (
        "gatehouse.groups.created",
        name,
        admin.name,
    )


def test_events_come_in_their_order_each_once(admin: Person, watch: Callable[..., Any]) -> None:
    stream = watch(type_prefix="gatehouse.groups.created")
    names = groups(admin, 20)
    assert [event.subject for event in told(stream, 20)] == names


def test_a_watcher_resumes_after_the_cursor_it_kept(
    admin: Person, watch: Callable[..., Any]
) -> None:
    stream = watch(type_prefix="gatehouse.groups.created")
    names = groups(admin, 5)
    kept = next(message.cursor for message in stream if message.event.subject == names[1])
    stream.cancel()
    names += groups(admin, 5)
    resumed = watch(type_prefix="gatehouse.groups.created", cursor=kept)
    assert [event.subject for event in told(resumed, 8)] == names[2:]


def test_a_revision_is_a_cursor_too(admin: Person, watch: Callable[..., Any]) -> None:
    answer = admin.groups.CreateGroup(group={})
    [name] = groups(admin, 1)
    [event] = told(watch(cursor=answer.revision, type_prefix="gatehouse.groups."), 1)
    assert event.subject == name


def test_only_what_fits_every_filter_is_told(
    gatehouse: House, admin: Person, watch: Callable[..., Any]
) -> None:
    other = gatehouse.new_person("roles/admin")
    [name] = groups(admin, 1)
    stream = watch(
        type_prefix="gatehouse.groups.", subject=name, actor=other.name, cursor=admin_cursor(watch)
    )
    admin.groups.AddMember(group=name, member=other.name)
    groups(other, 1)
    other.groups.RemoveMember(group=name, member=other.name)
    [event] = told(stream, 1)
    assert event.type == "gatehouse.groups.member_removed"


def admin_cursor(watch: Callable[..., Any]) -> str:
    """Where the history is now."""
    stream = watch()
    cursor: str = next(stream).cursor
    stream.cancel()
    return cursor


def test_while_nothing_happens_there_is_a_sign_of_life_whose_cursor_goes_on(
    admin: Person, watch: Callable[..., Any]
) -> None:
    stream = watch(subject="users/nobody")
    groups(admin, 3)

    def is_past_them() -> bool:
        resumed = watch(type_prefix="gatehouse.groups.created", cursor=next(stream).cursor)
        after = groups(admin, 1)
        return [event.subject for event in told(resumed, 1)] == after

    wait_until(is_past_them, "a cursor after what was not asked for")


def test_who_may_not_watch_hears_nothing(ada: Person) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        next(ada.events.WatchEvents())


def test_a_cursor_that_nobody_gave_out_is_refused(auditor: Person) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_CURSOR"):
        next(auditor.events.WatchEvents(cursor="from the start"))


def test_a_cursor_of_the_future_is_refused(gatehouse: House, auditor: Person) -> None:
    ahead = gatehouse.application.services.database.history.revision(2**40)
    with refused(FAILED_PRECONDITION, reason="FOREIGN_REVISION"):
        next(auditor.events.WatchEvents(cursor=ahead))


def test_a_cursor_before_the_oldest_event_kept_is_refused(open_house: Callable[..., House]) -> None:
    house = open_house()
    first = house.application.services.database.history.revision(0)
    house.sql("UPDATE event_archive SET exported = 1, deleted = 1")
    with refused(OUT_OF_RANGE, reason="CURSOR_EXPIRED"):
        next(house.admin.events.WatchEvents(cursor=first))
