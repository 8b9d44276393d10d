"""A server that sends webhooks itself loses none, whatever is killed."""

from collections.abc import Callable, Iterator

import grpc
import pytest

from tests.support.house import Site
from tests.support.process import ServerProcess
from tests.support.receiver import Receiver, receivers
from tests.support.waiting import wait_until


@pytest.fixture
def server(new_server: Callable[..., ServerProcess]) -> ServerProcess:
    made = new_server(WEBHOOK_ALLOW_PRIVATE="true")
    made.start()
    return made


@pytest.fixture
def receiver(server: ServerProcess) -> Iterator[Receiver]:
    """One that is told of new groups."""
    with receivers() as make:
        made = make()
        wanted = {"url": made.url(), "event_types": ["gatehouse.groups.created"]}
        assert server.site
        server.site.admin.webhooks.CreateWebhook(webhook=wanted)
        yield made


def new_groups(site: Site, count: int) -> set[str]:
    return {site.admin.groups.CreateGroup(group={}).group.name for _ in range(count)}


def told(receiver: Receiver) -> set[str]:
    return {it.event["subject"] for it in list(receiver.received)}


def test_what_was_acknowledged_is_sent_after_a_kill_of_everything(
    server: ServerProcess, receiver: Receiver
) -> None:
    groups = new_groups(server.site, 30)
    server.kill_everything()
    groups |= new_groups(server.start(), 5)
    # What was on its way when it was killed is taken up when its time has run out.
    wait_until(lambda: told(receiver) == groups, "every event", 60)


def test_it_goes_on_after_postgresql_was_away(server: ServerProcess, receiver: Receiver) -> None:
    groups = new_groups(server.site, 10)
    wait_until(lambda: told(receiver) == groups, "the first")
    server.crash_postgres()
    site = server.site

    def recovered() -> bool:
        try:
            groups.update(new_groups(site, 1))
        except grpc.RpcError:
            return False
        return True

    wait_until(recovered, "PostgreSQL")
    groups |= new_groups(site, 10)
    wait_until(lambda: told(receiver) >= groups, "every event", 60)
