"""Several replicas, written through and asked all at once: no answer is older than it claims."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.access.decisions import Decisions
from service.access.policy import Policy
from service.access.policy_repository import PolicyRepository
from tests.e2e.access.ledger import broken_promises
from tests.support.databases import Databases
from tests.support.house import House, house, settings
from tests.support.replicas import two_servers

Sabotage = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def houses(databases: Databases) -> Iterator[tuple[House, House]]:
    """Two replicas in this process, so that a test can break them."""
    stores = databases.new()
    with house(stores, settings()) as here, house(stores, settings()) as there:
        yield here, there


def nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Policy, "_drop", lambda self, changes: None)


def no_freshness_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decisions, "_catch_up_to", lambda self, freshness: None)


def changes_that_come_with_a_load_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    load, newer = PolicyRepository.load, PolicyRepository.newer

    def loaded(self: PolicyRepository, after: int, **asked: Any) -> Any:
        return [], load(self, after, **asked)[1]

    monkeypatch.setattr(PolicyRepository, "load", loaded)
    monkeypatch.setattr(PolicyRepository, "newer", lambda self, after: ([], newer(self, after)[1]))


def test_an_answer_of_two_servers_is_exactly_what_was_so_at_its_revision(
    databases: Databases, tmp_path: Path
) -> None:
    with two_servers(databases.new(), tmp_path) as sites:
        assert broken_promises(sites, writes=60) == []


def test_an_answer_of_two_replicas_is_exactly_what_was_so_at_its_revision(
    houses: tuple[House, House],
) -> None:
    assert broken_promises(houses, writes=30) == []


@pytest.mark.parametrize(
    "sabotage",
    [nothing_is_dropped, no_freshness_is_looked_at, changes_that_come_with_a_load_are_lost],
)
def test_it_would_not_be_if(
    houses: tuple[House, House], monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage
) -> None:
    sabotage(monkeypatch)
    assert broken_promises(houses, writes=30)
