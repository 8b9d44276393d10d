"""Who signs in is in the groups that the provider says, of those in the settings."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.federation.conftest import Federation, somebody
from tests.support.refusals import UNAUTHENTICATED, refused


@pytest.fixture
def grouped(federation: Federation) -> Iterator[Federation]:
    admin = federation.house.admin
    for name in ("groups/eng", "groups/ops", "groups/others"):
        admin.groups.CreateGroup(group={"name": name})
    yield federation
    for name in ("groups/eng", "groups/ops", "groups/others"):
        admin.groups.DeleteGroup(name=name)


def sign_in(federation: Federation, claims: dict[str, Any], teams: object) -> str:
    person = federation.sign_in("grouped", **claims | {"teams": teams})
    return str(person.auth.WhoAmI().subject)


def groups_of(federation: Federation, name: str) -> list[str]:
    return list(federation.house.admin.groups.ListMemberships(subject=name).memberships)


def test_who_is_new_is_put_into_their_groups(grouped: Federation) -> None:
    name = sign_in(grouped, somebody(), ["engineering", "cooking"])
    assert groups_of(grouped, name) == ["groups/eng"]


def test_each_sign_in_brings_the_groups_in_line(grouped: Federation) -> None:
    claims = somebody()
    name = sign_in(grouped, claims, ["engineering"])
    sign_in(grouped, claims, ["ops"])
    assert groups_of(grouped, name) == ["groups/ops"]
    sign_in(grouped, claims, ["ops", "engineering"])
    assert groups_of(grouped, name) == ["groups/eng", "groups/ops"]
    sign_in(grouped, claims, [])
    assert groups_of(grouped, name) == []


@pytest.mark.parametrize("claim", [None, "engineering", {"engineering": 1}, ["engineering", 7], 7])
def test_a_claim_that_is_no_list_of_names_is_for_no_group(
    grouped: Federation, claim: object
) -> None:
    claims = somebody()
    grouped.forger.userinfo = {"sub": claims["sub"]}
    name = sign_in(grouped, claims, ["engineering"])
    sign_in(grouped, claims, claim)
    assert groups_of(grouped, name) == []


def test_other_groups_are_left_alone(grouped: Federation) -> None:
    claims = somebody()
    name = sign_in(grouped, claims, [])
    grouped.house.admin.groups.AddMember(group="groups/others", member=name)
    sign_in(grouped, claims, ["engineering"])
    sign_in(grouped, claims, [])
    assert groups_of(grouped, name) == ["groups/others"]


def test_a_provider_without_groups_changes_none(grouped: Federation) -> None:
    claims = somebody()
    name = sign_in(grouped, claims, ["engineering"])
    grouped.sign_in("strict", **claims)
    assert groups_of(grouped, name) == ["groups/eng"]


def test_a_group_that_is_not_there_is_passed_over(
    grouped: Federation, capfd: pytest.CaptureFixture[str]
) -> None:
    claims = somebody()
    name = sign_in(grouped, claims, ["gone", "engineering"])
    assert groups_of(grouped, name) == ["groups/eng"]
    assert "groups/gone" in "".join(capfd.readouterr())


def test_what_the_groups_are_allowed_counts_at_once(grouped: Federation) -> None:
    grouped.house.grant("groups/eng", "roles/auditor")
    claims = somebody() | {"teams": ["engineering"]}
    person = grouped.sign_in("grouped", **claims)
    assert person.access.CheckAccess(permission="users.list", path="/users").allowed
    grouped.sign_in("grouped", **claims | {"teams": []})
    assert not person.access.CheckAccess(permission="users.list", path="/users").allowed


def test_the_audit_trail_tells_who_came_and_went(grouped: Federation) -> None:
    claims = somebody()
    name = sign_in(grouped, claims, ["engineering"])
    sign_in(grouped, claims, ["ops"])
    sign_in(grouped, claims, ["ops"])
    rows = grouped.house.sql(
        "SELECT type, subject FROM events WHERE data->>'member' = :it ORDER BY position", it=name
    )
    assert [(row.type, row.subject) for row in rows] == [
        ("gatehouse.groups.member_added", "groups/eng"),
        ("gatehouse.groups.member_added", "groups/ops"),
        ("gatehouse.groups.member_removed", "groups/eng"),
    ]


def test_the_last_owner_is_refused_rather_than_kept_or_lost(grouped: Federation) -> None:
    claims = somebody()
    name = sign_in(grouped, claims, ["engineering"])
    grouped.house.grant("groups/eng", "roles/owner")
    [admin] = grouped.house.sql(
        "DELETE FROM grants WHERE subject <> 'groups/eng' AND role = 'roles/owner'"
        " RETURNING subject"
    )
    visit = grouped.visit("grouped", **claims | {"teams": []})
    with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED"):
        grouped.complete(visit)
    assert grouped.causes()[-1] == (name, "grouped", "last_owner")
    owner = grouped.sign_in("grouped", **claims | {"teams": ["engineering"]})
    owner.access.CreateGrant(path="/", role="roles/owner", subject=admin.subject)
    sign_in(grouped, claims, [])


def test_more_groups_than_anybody_may_be_in_are_refused(
    grouped: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = somebody()
    name = sign_in(grouped, claims, ["engineering"])
    monkeypatch.setattr("service.access.graph._MOST_MEMBERSHIPS", 1)
    visit = grouped.visit("grouped", **claims | {"teams": ["engineering", "ops"]})
    with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED"):
        grouped.complete(visit)
    assert grouped.causes()[-1] == (name, "grouped", "too_many_groups")
    assert groups_of(grouped, name) == ["groups/eng"]
