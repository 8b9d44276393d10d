"""Slow commits beside fast ones, several writers and watchers: nothing is skipped or overtaken."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.storage import locks
from tests.e2e.events.crowd import Listener, connect, listed, write
from tests.support.databases import Databases
from tests.support.house import House, Site
from tests.support.replicas import two_servers
from tests.support.waiting import wait_until

_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
GROUPS = "gatehouse.groups."


def work(site: Site, count: int) -> None:
    """Fast commits, of one event each."""
    for _ in range(count):
        site.admin.groups.CreateGroup(group={})


def test_every_watcher_of_two_servers_hears_every_event_once_in_its_order(
    databases: Databases, tmp_path: Path
) -> None:
    stores = databases.new()
    with ExitStack() as ending, two_servers(stores, tmp_path) as sites:
        begin = next(sites[0].admin.events.WatchEvents()).cursor
        listeners = [Listener(lambda site=site: site, begin) for site in sites for _ in range(2)]  # type: ignore[misc]
        for one in listeners:
            ending.callback(one.stop)
        threads = ending.enter_context(ThreadPoolExecutor(4))
        slow = ending.enter_context(connect(stores))
        look = ending.enter_context(connect(stores))
        look.autocommit = True
        before = set(listed(sites[0]))
        writers = [threads.submit(work, site, 30) for site in sites for _ in range(2)]
        for number in range(6):
            write(slow, 3)

            def held_up() -> bool:
                [(waiting,)] = look.execute(_WAITING)
                return bool(waiting >= 2 or all(it.done() for it in writers))

            wait_until(held_up, "writers that wait for the slow one")
            slow.rollback() if number % 3 == 2 else slow.commit()
        for writer in writers:
            writer.result()
        expected = [it for it in listed(sites[0]) if it not in before]
        # Sign-ins and the like came before the writers began, and after the cursor.
        wait_until(lambda: all(it.heard[-1:] == expected[-1:] for it in listeners), "the last")
        for one in listeners:
            assert one.heard == expected
            assert one.ends == []


def test_a_commit_at_one_server_wakes_a_watcher_of_the_other(
    databases: Databases, tmp_path: Path
) -> None:
    with two_servers(databases.new(), tmp_path) as (here, there):
        stream = there.admin.events.WatchEvents(type_prefix=GROUPS)
        next(stream)
        name = here.admin.groups.CreateGroup(group={}).group.name
        assert next(it.event.subject for it in stream if it.HasField("event")) == name
        stream.cancel()


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house of one's own."""
    return open_house()


@pytest.fixture
def slow(house: House) -> Iterator[Any]:
    """A connection for commits that take long."""
    with connect(house.stores) as connection:
        yield connection


def overtaken(house: House, slow: Any) -> bool:
    """Whether a watcher misses what a slow commit wrote, because a later one was quicker."""
    stream = house.admin.events.WatchEvents()
    next(stream)
    write(slow, 1)
    quick = house.admin.groups.CreateGroup.future(group={})
    wait_until(lambda: quick.done() or house.sql(_WAITING)[0][0], "the quick one")
    if quick.done():
        next(it for it in stream if it.event.type.startswith(GROUPS))
    slow.commit()
    quick.result()
    last = house.admin.groups.CreateGroup(group={}).group.name
    heard = []
    for message in stream:
        heard.append(message.event.type)
        if message.event.subject == last:
            break
    stream.cancel()
    return "tried" not in heard


def test_a_slow_commit_is_not_overtaken(house: House, slow: Any) -> None:
    assert not overtaken(house, slow)


def test_it_would_be_without_the_order_lock(
    house: House, slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "ORDER", text("SELECT 1"))
    assert overtaken(house, slow)
