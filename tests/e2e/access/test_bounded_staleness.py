"""Without being asked to be fresh, a replica knows of others' writes within a second."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from service.storage import wakeup
from tests.e2e.access.conftest import in_seconds
from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings
from tests.support.waiting import wait_until

Pair = tuple[House, House]
ROLE, READ, PATH = "roles/member", "users.read", "/a"
# A second, and what a busy machine adds.
SOON = 3.0


@pytest.fixture(scope="module", params=["with Redis", "without Redis"])
def pair(databases: Databases, request: pytest.FixtureRequest) -> Iterator[Pair]:
    stores = databases.new()
    if request.param == "without Redis":
        stores = replace(stores, redis_url="redis://127.0.0.1:1/0")
    with house(stores, settings()) as here, house(stores, settings()) as there:
        yield here, there


@pytest.fixture
def unheard(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Nobody is woken by anybody."""
    monkeypatch.setattr(wakeup.Wakeup, "announce", lambda self: None)
    return pair


def allowed(at: House, who: Person) -> bool:
    answer = at.admin.access.CheckAccess(subject=who.name, permission=READ, path=PATH)
    return bool(answer.allowed)


def _by_grant(here: House, who: Person) -> Callable[[], Any]:
    grant = here.grant(who.name, ROLE, PATH)
    return lambda: here.admin.access.DeleteGrant(name=grant.name)


def _by_group(here: House, who: Person) -> Callable[[], Any]:
    group = here.admin.groups.CreateGroup(group={}).group.name
    here.grant(group, ROLE, PATH)
    here.admin.groups.AddMember(group=group, member=who.name)
    return lambda: here.admin.groups.RemoveMember(group=group, member=who.name)


def _until_suspended(here: House, who: Person) -> Callable[[], Any]:
    here.grant(who.name, ROLE, PATH)
    return lambda: here.admin.users.SuspendUser(name=who.name)


@pytest.mark.parametrize("give", [_by_grant, _by_group, _until_suspended])
def test_what_is_taken_at_one_is_soon_gone_at_the_other(
    pair: Pair, give: Callable[[House, Person], Callable[[], Any]]
) -> None:
    here, there = pair
    ada = here.new_person()
    assert not allowed(there, ada)
    take = give(here, ada)
    assert allowed(here, ada), "one's own writes count at once"
    wait_until(lambda: allowed(there, ada), "the right", SOON)
    take()
    assert not allowed(here, ada)
    wait_until(lambda: not allowed(there, ada), "its end", SOON)


def test_nobody_needs_to_be_woken(unheard: Pair) -> None:
    here, there = unheard
    ada = here.new_person()
    assert not allowed(there, ada)
    take = _by_grant(here, ada)
    wait_until(lambda: allowed(there, ada), "the right", SOON)
    take()
    wait_until(lambda: not allowed(there, ada), "its end", SOON)


@pytest.mark.parametrize("how", ["at_least_as_fresh", "fully_consistent"])
def test_nobody_waits_who_asks_to_be_told_the_newest(unheard: Pair, how: str) -> None:
    here, there = unheard
    ada = here.new_person()
    assert not allowed(there, ada)
    asked = {"subject": ada.name, "permission": READ, "path": PATH}
    for write in (_granted, _taken):
        revision = write(here, ada)
        value = revision if how == "at_least_as_fresh" else True
        answer = there.admin.access.CheckAccess(**asked, consistency={how: value})
        assert answer.allowed is (write is _granted)


def _granted(here: House, who: Person) -> Any:
    return here.admin.access.CreateGrant(subject=who.name, role=ROLE, path=PATH).revision


def _taken(here: House, who: Person) -> Any:
    [grant] = here.admin.access.ListGrants(subject=who.name).grants
    return here.admin.access.DeleteGrant(name=grant.name).revision


def test_an_end_takes_effect_though_nobody_writes(pair: Pair) -> None:
    here, there = pair
    ada = here.new_person()
    here.grant(ada.name, ROLE, PATH, expire_time=in_seconds(1.0))
    assert allowed(here, ada)
    wait_until(lambda: not allowed(here, ada), "the end")
    assert not allowed(there, ada)
