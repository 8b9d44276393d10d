"""A batch of questions looks up once what they have in common, and answers as each by itself."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.access import look as look_module
from service.access.look import Look
from service.access.models import EVERYONE, Check, Permissions
from service.access.policy import Given, Held, Standing
from service.kernel import paths

NOW = 1000.0
USERS = [f"users/0190a5b4-0000-7000-8000-00000000000{number}" for number in (1, 2, 3)]
GROUPS = [f"groups/{letter}" for letter in "abc"]
PATHS = ["/", "/a", "/a/b", "/a/bc", "/a/b/c", f"/{USERS[0]}", f"/files/{USERS[1]}/x"]
ROLES = {
    "roles/reader": Permissions({"docs.read"}),
    "roles/docs": Permissions({"docs.*"}),
    "roles/all": Permissions({"*"}),
}


class Counting(dict[str, Any]):
    """Counts how often each key is looked up."""

    def __init__(self, entries: dict[str, Any]) -> None:
        super().__init__(entries)
        self.counts: Counter[str] = Counter()

    def get(self, key: str, default: Any = None) -> Any:
        self.counts[key] += 1
        return super().get(key, default)


def remembered(standings: dict[str, Standing], held: dict[str, Held]) -> Any:
    """What stands in for a Policy."""
    return SimpleNamespace(
        standings=SimpleNamespace(entries=Counting(standings)),
        held=SimpleNamespace(entries=Counting(held)),
        roles=ROLES,
    )


_given = st.builds(
    Given, st.booleans(), st.sampled_from(sorted(ROLES)), st.sampled_from([0.0, NOW - 1, NOW + 1])
)
_on = st.dictionaries(st.sampled_from(PATHS), st.tuples(_given) | st.tuples(_given, _given))
_checks = st.builds(
    Check,
    st.sampled_from([*USERS, EVERYONE]),
    st.sampled_from(["docs.read", "docs.write", "users.read", "files.read"]),
    st.sampled_from(PATHS),
)


def naive(standings: dict[str, Standing], held: dict[str, Held], check: Check) -> set[bool]:
    """What all that bears on the question says, True for a DENY, one by one."""
    who = standings[check.subject].principals + standings[EVERYONE].principals
    return {
        one.deny
        for principal in who
        for path, all_given in held[principal].on.items()
        for one in all_given
        if path in paths.ancestors(check.path)
        and ROLES[one.role].allows(check.permission)
        and not 0 < one.expires <= NOW
    }


@given(
    groups=st.lists(st.sets(st.sampled_from(GROUPS)), min_size=4, max_size=4),
    on=st.lists(_on, min_size=7, max_size=7),
    whole=st.lists(st.booleans(), min_size=7, max_size=7),
    checks=st.lists(_checks, min_size=1, max_size=20),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_batch_answers_as_each_question_by_itself(
    groups: list[set[str]], on: list[Any], whole: list[bool], checks: list[Check]
) -> None:
    subjects = [*USERS, EVERYONE]
    standings = {
        subject: Standing(subject != USERS[2], (subject, *sorted(those)))
        for subject, those in zip(subjects, groups, strict=True)
    }
    held = {}
    for name, its, complete in zip([*subjects, *GROUPS], on, whole, strict=True):
        everywhere = {path: () for one in PATHS for path in paths.ancestors(one)}
        held[name] = Held(its if complete else everywhere | its, complete=complete)
    policy = remembered(standings, held)
    look = Look(policy, NOW)
    batch = [look.allows(check) for check in checks]
    assert not look.missing
    assert batch == [Look(policy, NOW).allows(check) for check in checks]
    for check, allowed in zip(checks, batch, strict=True):
        if not check.permission.startswith(("users.", "files.")):
            active = standings[check.subject].active
            assert allowed is (active and naive(standings, held, check) == {False})


@pytest.fixture
def split(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each path was taken apart."""
    counts: Counter[str] = Counter()

    def ancestors(path: str) -> Any:
        counts[path] += 1
        return paths.ancestors(path)

    monkeypatch.setattr(look_module, "paths", SimpleNamespace(ancestors=ancestors))
    return counts


def test_what_a_thousand_questions_share_is_looked_up_once(split: Counter[str]) -> None:
    groups = [f"groups/{number}" for number in range(200)]
    standings = {subject: Standing(True, (subject, *groups)) for subject in USERS}
    standings[EVERYONE] = Standing(True, (EVERYONE,))
    held = {name: Held({}, complete=True) for name in [*USERS, EVERYONE, *groups]}
    policy = remembered(standings, held)
    asked = [f"/p/{number}/a/b/c/d" for number in range(25)]
    checks = [Check(who, f"docs.p{n}", path) for n in range(14) for who in USERS for path in asked]
    look = Look(policy, NOW)
    assert not any(look.allows(check) for check in checks)
    assert not look.missing
    assert dict(split) == dict.fromkeys(asked, 1)
    assert {policy.standings.entries.counts[who] for who in USERS} == {1}
    assert max(policy.held.entries.counts.values()) == len(USERS), "once for each of them"


class Once(dict[str, tuple[Given, ...]]):
    """Grants by path, which say how much was looked at."""

    looked = 0

    def __contains__(self, path: object) -> bool:
        Once.looked += 1
        return super().__contains__(path)


def test_of_many_groups_with_few_grants_only_those_are_looked_at() -> None:
    here = (Given(False, "roles/reader", 0.0),)
    groups = [f"groups/{number}" for number in range(100)]
    held = {name: Held(Once({"/else": here}), complete=True) for name in groups}
    held |= {name: Held({}, complete=True) for name in (USERS[0], EVERYONE)}
    standings = {USERS[0]: Standing(True, (USERS[0], *groups))}
    standings[EVERYONE] = Standing(True, (EVERYONE,))
    look, deep = Look(remembered(standings, held), NOW), "/x" * 64
    Once.looked = 0
    assert not look.allows(Check(USERS[0], "docs.read", deep))
    assert Once.looked == 0, "not each of 65 paths in each of 100 groups"
    assert look.allows(Check(USERS[0], "docs.read", "/else" + deep))
