"""What is remembered is bounded, and what was just loaded stays long enough to be used."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from service.access import policy as policy_module
from service.access.policy import Bounded, Given, Held, Policy, Standing
from service.kernel.changes import Change, ChangeKind

Later = Callable[[float], None]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Later:
    now = [1000.0]
    monkeypatch.setattr(policy_module, "monotonic", lambda: now[0])

    def later(seconds: float) -> None:
        now[0] += seconds

    return later


def entry(weight: int = 1) -> Any:
    return SimpleNamespace(loaded=policy_module.monotonic(), weight=weight)


@pytest.fixture
def full(pass_time: Later) -> Bounded[Any]:
    """Has room for three, and three in it that are not needed any more."""
    bounded: Bounded[Any] = Bounded(3)
    for name in "abc":
        bounded.keep(name, entry())
    pass_time(10)
    return bounded


def test_the_oldest_goes_when_there_is_no_room(full: Bounded[Any]) -> None:
    full.keep("d", entry())
    assert list(full.entries) == ["b", "c", "d"]


def test_as_many_go_as_the_new_one_needs(full: Bounded[Any]) -> None:
    full.keep("d", entry(weight=2))
    assert list(full.entries) == ["c", "d"]


def test_what_was_just_loaded_stays_though_there_is_no_room(full: Bounded[Any]) -> None:
    for number in range(10):
        full.keep(f"new-{number}", entry())
    assert sorted(full.entries) == [f"new-{number}" for number in range(10)]


def test_what_was_just_loaded_goes_later(full: Bounded[Any], pass_time: Later) -> None:
    for number in range(10):
        full.keep(f"new-{number}", entry())
    pass_time(10)
    full.keep("last", entry())
    assert list(full.entries) == ["new-8", "new-9", "last"]


def test_one_that_grew_makes_others_go(full: Bounded[Any]) -> None:
    grown = full.entries["c"]
    grown.weight = 3
    full.keep("c", grown)
    assert list(full.entries) == ["c"]


def test_what_is_dropped_or_replaced_leaves_its_room(full: Bounded[Any]) -> None:
    full.drop("a")
    full.drop("nobody")
    full.keep("b", entry())
    full.keep("d", entry())
    assert sorted(full.entries) == ["b", "c", "d"]


def test_nothing_is_left_when_all_is_dropped(full: Bounded[Any]) -> None:
    full.clear()
    for name in "xyz":
        full.keep(name, entry())
    assert sorted(full.entries) == ["x", "y", "z"]


def test_one_with_many_grants_takes_as_much_room() -> None:
    given = (Given(deny=False, role="roles/r", expires=0.0),)
    assert Held({}, complete=True).weight == 1
    assert Held(dict.fromkeys("abc", given), complete=True).weight == 4


@pytest.fixture
def policy() -> Policy:
    """Remembers ada, who is in eng, which is in all; what each was granted; and a role."""
    feed: Any = SimpleNamespace(follow=lambda it: None, tell_in_order=lambda it: None)
    database: Any = None
    made = Policy(database, feed)
    groups = {"users/ada": ("groups/eng", "groups/all"), "groups/eng": ("groups/all",)}
    for subject in ("users/ada", "users/bob", "groups/eng", "everyone"):
        made.standings.keep(subject, Standing(True, (subject, *groups.get(subject, ()))))
        made.held.keep(subject, Held({"/a": ()}, complete=True))
    made.held.keep("groups/all", Held({"/a": (), "/b": ()}, complete=False))
    made._keep_roles(["roles/r"], [("roles/r", "docs.read")], policy_module._Touched(()))
    return made


@pytest.mark.parametrize(
    ("kind", "key", "standings", "held"),
    [
        (ChangeKind.STANDING, "users/ada", {"users/ada"}, {"users/ada"}),
        (ChangeKind.STANDING, "groups/eng", {"users/ada", "groups/eng"}, {"groups/eng"}),
        (ChangeKind.STANDING, "groups/all", {"users/ada", "groups/eng"}, {"groups/all"}),
        (ChangeKind.STANDING, "everyone", {"everyone"}, {"everyone"}),
        (ChangeKind.GRANTS, "users/ada /a", set(), {"users/ada"}),
        (ChangeKind.GRANTS, "groups/all /a", set(), set()),
        (ChangeKind.GRANTS, "users/nobody /a", set(), set()),
        (ChangeKind.SESSION_REVOKED, "sessions/1", set(), set()),
    ],
)
def test_a_change_drops_what_it_touches_and_no_more(
    policy: Policy, kind: ChangeKind, key: str, standings: set[str], held: set[str]
) -> None:
    standings_before, held_before = set(policy.standings.entries), set(policy.held.entries)
    policy.apply([Change(kind, key, position=1)])
    assert standings_before - set(policy.standings.entries) == standings
    assert held_before - set(policy.held.entries) == held
    assert set(policy.roles) == {"roles/r"}


def test_of_very_many_grants_those_on_the_changed_path_go(policy: Policy) -> None:
    policy.apply([Change(ChangeKind.GRANTS, "groups/all /a", position=1)])
    assert set(policy.held.entries["groups/all"].on) == {"/b"}


def test_a_changed_role_goes(policy: Policy) -> None:
    policy.apply([Change(ChangeKind.ROLE, "roles/r", position=1)])
    assert policy.roles == {}
    assert len(policy.standings.entries) == 4


def test_who_decides_while_something_goes_begins_again(policy: Policy) -> None:
    before = policy.epoch
    policy.apply([Change(ChangeKind.SESSION_REVOKED, "sessions/1", position=1)])
    assert policy.epoch == before
    policy.apply([Change(ChangeKind.ROLE, "roles/r", position=2)])
    assert policy.epoch > before
    before = policy.epoch
    policy.forget()
    assert policy.epoch > before
    assert not policy.roles | policy.held.entries | policy.standings.entries
