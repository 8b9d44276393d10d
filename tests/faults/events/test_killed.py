"""Servers killed while events are written and watched: who resumes by cursor misses nothing."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from tests.e2e.events.crowd import Listener, listed
from tests.support.databases import Databases
from tests.support.process import ServerProcess
from tests.support.replicas import server_process, two_servers
from tests.support.waiting import wait_until

GROUPS = "gatehouse.groups."


def without_repetitions(heard: list[str]) -> list[str]:
    """Each event where it came first; that must be their order."""
    return list(dict.fromkeys(heard))


class Writers:
    """Make groups at the servers in turn, in threads, whatever happens to the servers."""

    def __init__(self, servers: list[ServerProcess], count: int) -> None:
        self.made: list[str] = []
        self._stopping = threading.Event()
        self._servers = itertools.cycle(servers)
        self._pool = ThreadPoolExecutor(count)
        self._runs = [self._pool.submit(self._run) for _ in range(count)]

    def more(self, count: int) -> None:
        """Returns when so many more were acknowledged."""
        enough = len(self.made) + count
        wait_until(lambda: len(self.made) >= enough, "more groups")

    def stop(self) -> None:
        self._stopping.set()
        self._pool.shutdown()
        for run in self._runs:
            run.result()

    def _run(self) -> None:
        while not self._stopping.is_set():
            site = next(self._servers).site
            # ValueError: the channel was closed, because there will be another server.
            with suppress(grpc.RpcError, ValueError):
                self.made.append(site.admin.groups.CreateGroup(group={}).group.name)


@pytest.fixture
def servers(databases: Databases, tmp_path: Path) -> Iterator[list[ServerProcess]]:
    """Two servers on the same stores."""
    stores = databases.new()
    with ExitStack() as running:
        both = [server_process(stores, tmp_path / name) for name in ("one", "two")]
        for one in both:
            one.start()
            running.callback(one.close)
        yield both


def kill_while_writing(servers: list[ServerProcess], kills: int, *, writers: int) -> None:
    """Kills the servers in turn; every watcher must have heard everything, in its order."""
    assert servers[0].site is not None
    begin = next(servers[0].site.admin.events.WatchEvents()).cursor
    with ExitStack() as ending:
        listeners = [
            Listener(lambda it=it: it.site, begin, type_prefix=GROUPS)  # type: ignore[misc]
            for it in servers
            for _ in range(2)
        ]
        for one in listeners:
            ending.callback(one.stop)
        working = Writers(servers, writers)
        ending.callback(working.stop)
        for victim in itertools.islice(itertools.cycle(servers), kills):
            working.more(20)
            victim.kill_server()
            victim.start()
        working.more(20)
        working.stop()
        expected = listed(servers[0].site, type_prefix=GROUPS)
        assert len(expected) >= len(working.made), "what was acknowledged is there"
        wait_until(lambda: all(it.heard[-1:] == expected[-1:] for it in listeners), "the last")
        for one in listeners:
            assert without_repetitions(one.heard) == expected
            assert len(one.heard) == len(expected), "each has the cursor of the last it heard"
            assert one.ends


def test_watchers_of_killed_servers_resume_without_a_gap(servers: list[ServerProcess]) -> None:
    kill_while_writing(servers, 2, writers=2)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_however_often_servers_are_killed(servers: list[ServerProcess]) -> None:
    kill_while_writing(servers, 12, writers=8)


def test_an_orderly_restart_loses_nothing_either(server: ServerProcess) -> None:
    assert server.site is not None
    begin = next(server.site.admin.events.WatchEvents()).cursor
    listener = Listener(lambda: server.site, begin, type_prefix=GROUPS)
    names = [server.site.admin.groups.CreateGroup(group={}).group.name for _ in range(5)]
    server.stop()
    site = server.start()
    names += [site.admin.groups.CreateGroup(group={}).group.name for _ in range(5)]
    wait_until(lambda: len(listener.heard) >= 10, "the news")
    assert listener.stop() == listed(site, type_prefix=GROUPS)
    assert grpc.StatusCode.CANCELLED in listener.ends


def test_events_that_were_told_outlive_a_kill_of_everything(server: ServerProcess) -> None:
    assert server.site is not None
    begin = next(server.site.admin.events.WatchEvents()).cursor
    listener = Listener(lambda: server.site, begin, type_prefix=GROUPS)
    working = Writers([server], 4)
    working.more(40)
    server.kill_everything()
    site = server.start()
    working.more(10)
    working.stop()
    expected = listed(site, type_prefix=GROUPS)
    wait_until(lambda: listener.heard[-1:] == expected[-1:], "the last")
    assert listener.stop() == expected, "nothing was told that is not so"


def test_events_of_another_server_come_without_redis_too(
    databases: Databases, tmp_path: Path
) -> None:
    stores = replace(databases.new(), redis_url="redis://127.0.0.1:1/0")
    with two_servers(stores, tmp_path) as (here, there):
        stream = there.admin.events.WatchEvents(type_prefix=GROUPS)
        next(stream)
        for _ in range(2):
            name = here.admin.groups.CreateGroup(group={}).group.name
            assert next(it.event.subject for it in stream if it.HasField("event")) == name
        stream.cancel()
