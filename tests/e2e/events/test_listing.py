"""ListEvents: what happened, searched."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.events.crowd import burst
from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import INVALID_ARGUMENT, PERMISSION_DENIED, refused

ARGUMENTS = {
    "type_prefix": "gatehouse.",
    "subject": "users/me",
    "actor": "users/me",
    "start_time": {"seconds": 1},
    "end_time": {"seconds": 2**33},
}


@pytest.fixture
def auditor(gatehouse: House) -> Person:
    """Somebody who may read everything, new for each test."""
    return gatehouse.new_person("roles/auditor")


def types(answer: Any) -> list[str]:
    return [event.type for event in answer.events]


def test_events_are_listed_newest_first(admin: Person) -> None:
    name = admin.groups.CreateGroup(group={}).group.name
    admin.groups.DeleteGroup(name=name)
    found = admin.events.ListEvents(subject=name)
    assert types(found) == ["gatehouse.groups.deleted", "gatehouse.groups.created"]
    assert {it.actor for it in found.events} == {admin.name}
    times = [it.time.ToNanoseconds() for it in admin.events.ListEvents().events]
    assert times == sorted(times, reverse=True)


def test_me_is_whoever_asks(auditor: Person) -> None:
    everything = auditor.events.ListEvents(page_size=1000)
    about = [it for it in everything.events if it.subject == auditor.name]
    assert about
    assert list(auditor.events.ListEvents(subject="users/me").events) == about
    by = [it for it in everything.events if it.actor == auditor.name]
    assert list(auditor.events.ListEvents(actor="users/me").events) == by


def test_times_are_from_the_first_up_to_before_the_second(admin: Person, ada: Person) -> None:
    [time] = {it.time.ToNanoseconds() for it in admin.events.ListEvents(page_size=1).events}
    event = admin.events.ListEvents(page_size=1).events[0]
    since = admin.events.ListEvents(start_time=event.time).events
    assert event.id in {it.id for it in since}
    assert min(it.time.ToNanoseconds() for it in since) == time
    until = admin.events.ListEvents(end_time=event.time).events
    assert max(it.time.ToNanoseconds() for it in until) < time
    assert not admin.events.ListEvents(start_time=event.time, end_time=event.time).events


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_token_is_good_for_the_same_question_only(auditor: Person, argument: str) -> None:
    asked = {it: ARGUMENTS[it] for it in ARGUMENTS if it not in ("actor", argument)}
    token = auditor.events.ListEvents(page_size=1, **asked).next_page_token
    assert token
    assert auditor.events.ListEvents(page_size=5, page_token=token, **asked).events
    other = asked | {argument: ARGUMENTS[argument]}
    with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
        auditor.events.ListEvents(page_token=token, **other)


@pytest.mark.parametrize("field", ["subject", "actor"])
def test_a_token_of_somebody_elses_own_events_is_refused(
    gatehouse: House, admin: Person, field: str
) -> None:
    gatehouse.new_user()
    token = admin.events.ListEvents(page_size=1, **{field: "users/me"}).next_page_token
    assert token
    other = gatehouse.new_person("roles/auditor")
    with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN"):
        other.events.ListEvents(page_token=token, **{field: "users/me"})


@pytest.mark.parametrize("prefix", ["%", "_", "GATEHOUSE.", "gatehouse_", "gatehouse.users.\u00fc"])
def test_a_prefix_is_taken_as_it_stands(admin: Person, prefix: str) -> None:
    assert types(admin.events.ListEvents(type_prefix="gatehouse."))
    assert not types(admin.events.ListEvents(type_prefix=prefix))


@pytest.mark.parametrize("field", ["type_prefix", "subject", "actor"])
@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "x" * 2000])
def test_what_no_event_can_have_is_refused(admin: Person, field: str, text: str) -> None:
    for ask in (admin.events.ListEvents, lambda **given: next(admin.events.WatchEvents(**given))):
        with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={field}):
            ask(**{field: text})


@pytest.mark.parametrize("time", [{"seconds": 2**60}, {"seconds": 1, "nanos": -1}])
def test_a_time_that_is_none_is_refused(admin: Person, time: Any) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS"):
        admin.events.ListEvents(start_time=time)


@pytest.mark.parametrize("seconds", [-62135596800, 253402300799])
def test_the_first_and_the_last_time_there_is_can_be_asked_for(admin: Person, seconds: int) -> None:
    before = admin.events.ListEvents(end_time={"seconds": seconds}).events
    after = admin.events.ListEvents(start_time={"seconds": seconds}).events
    assert bool(before) != bool(after)


def test_who_may_not_list_sees_nothing(ada: Person) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.events.ListEvents(subject="users/me")


def test_a_page_is_never_larger_than_a_thousand(open_house: Callable[..., House]) -> None:
    house = open_house()
    burst(house.stores, 1100)
    assert len(house.admin.events.ListEvents(page_size=5000).events) == 1000
    assert len(house.admin.events.ListEvents().events) == 50
