"""Decisions while a store is away: none from an old memory, none that is wrong."""

from collections.abc import Callable
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

import grpc
import pytest

from tests.support.house import Site
from tests.support.process import ServerProcess
from tests.support.refusals import UNAVAILABLE, read
from tests.support.waiting import wait_until

ROLE, READ, PATH = "roles/member", "users.read", "/a"


def outcome(call: Callable[[], Any]) -> Any:
    """The answer, or None while the database is away: nothing else may come of that."""
    try:
        return call()
    except grpc.RpcError as error:
        refusal = read(error)
        if (refusal.code, refusal.reason) != (UNAVAILABLE, "DATABASE_UNAVAILABLE"):
            raise
        return None


def questions(site: Site, who: str) -> dict[str, Callable[[], Any]]:
    access, asked = site.admin.access, {"subject": who, "permission": READ, "path": PATH}
    return {
        "check": lambda: access.CheckAccess(**asked).allowed,
        "batch": lambda: access.BatchCheckAccess(checks=[asked] * 3).results[2].allowed,
        "another": lambda: access.CheckAccess(**asked | {"path": "/never/asked"}).revision,
        "full": lambda: access.CheckAccess(**asked, consistency={"fully_consistent": True}),
        "list": lambda: access.ListAccess(subject=who, permission=READ),
        "subjects": lambda: access.ListSubjects(permission=READ, path=PATH),
        "explain": lambda: access.ExplainAccess(**asked),
        "grant": lambda: site.grant(who, ROLE, "/b"),
    }


@pytest.mark.parametrize("signal", [SIGKILL, SIGSTOP], ids=["gone", "hanging"])
def test_without_postgresql_nothing_is_answered_from_an_old_memory(
    server: ServerProcess, signal: int
) -> None:
    site = server.site
    who = site.new_user().name
    site.grant(who, ROLE, PATH)
    asked = questions(site, who)
    assert asked["check"]()
    server.signal_stores("postgres", signal)
    wait_until(lambda: outcome(asked["check"]) is None, "the end of trust", seconds=10)
    for name, ask in asked.items():
        assert outcome(ask) is None, name
    if signal == SIGSTOP:
        server.signal_stores("postgres", SIGCONT)
        wait_until(lambda: outcome(asked["check"]), "the database")


@pytest.mark.parametrize("signal", [SIGKILL, SIGSTOP], ids=["gone", "hanging"])
def test_without_redis_decisions_go_on_and_follow_every_write(
    server: ServerProcess, signal: int
) -> None:
    site = server.site
    who = site.new_user().name
    asked = questions(site, who)
    assert not asked["check"]()
    server.signal_stores("valkey", signal)
    grant = site.grant(who, ROLE, PATH)
    assert asked["check"]()
    assert asked["batch"]()
    site.admin.access.DeleteGrant(name=grant.name)
    assert not asked["check"]()
    assert not asked["full"]().allowed


def test_what_was_granted_and_taken_outlives_a_kill_of_everything(server: ServerProcess) -> None:
    who = server.site.new_user().name
    kept = server.site.grant(who, ROLE, PATH)
    lost = server.site.grant(who, ROLE, "/b")
    server.site.admin.access.DeleteGrant(name=lost.name)
    server.kill_everything()
    site = server.start()
    assert questions(site, who)["check"]()
    assert [it.name for it in site.admin.access.ListGrants(subject=who).grants] == [kept.name]
