"""However much changes meanwhile, whoever asks is answered."""

from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from service.access.look import Look
from service.access.models import Check, Effect
from service.access.policy_repository import PolicyRepository
from service.kernel.changes import Change, ChangeKind
from tests.integration.access.steps import USERS
from tests.integration.access.world import World
from tests.support.reader import Reader

BOB = USERS[0]
READ, READER = "docs.read", "roles/reader"
UNRELATED = ("grant", "groups/c", "/elsewhere", READER, Effect.ALLOW, None)
BATCH = [Check(BOB, READ, f"/a/{number}") for number in range(3)]


def test_a_long_batch_is_answered_though_something_changes_all_the_time(
    world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever would change something in the middle of it has to wait, in the end."""
    allows = Look.allows
    world.grant(BOB, "/a", READER, Effect.ALLOW, None)
    reader.feed.read()

    def change() -> None:
        position = reader.policy.position + 1
        reader.policy.apply([Change(ChangeKind.STANDING, "groups/c", position=position)])

    with ThreadPoolExecutor(1) as others:

        def disturbed(self: Look, check: Check) -> bool:
            if check is BATCH[1]:
                wait([others.submit(change)], timeout=0.05)
            return allows(self, check)

        monkeypatch.setattr(Look, "allows", disturbed)
        assert reader.decisions.decide(BATCH)[0] == [True] * len(BATCH)


def test_what_is_loaded_counts_though_something_else_changes_before_every_load_ends(
    world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, changes = PolicyRepository.load, [UNRELATED, ("ungrant", 1)] * 10

    def load_slowly(self: PolicyRepository, after: int, **asked: Any) -> Any:
        loaded = load(self, after, **asked)
        if changes:
            world.take([changes.pop(0)])
            reader.feed.read()
        return loaded

    world.grant(BOB, "/a", READER, Effect.ALLOW, None)
    monkeypatch.setattr(PolicyRepository, "load", load_slowly)
    assert reader.allows(BOB, READ, "/a")
    assert reader.policy.misses <= 3
