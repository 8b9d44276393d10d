"""Grants are made, listed and taken back, and each decision knows of it at once."""

from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.access.conftest import in_seconds
from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    refused,
)

READER, KEEPER = "roles/doc-reader", "roles/doc-keeper"
READ = "documents.read"


@pytest.fixture
def access(documents: House) -> Any:
    return documents.admin.access


@pytest.fixture
def who(documents: House) -> str:
    """Somebody without any grant."""
    return documents.new_user().name


def may(access: Any, who: str, path: str) -> bool:
    return bool(access.CheckAccess(subject=who, permission=READ, path=path).allowed)


def test_a_grant_is_as_wanted(documents: House, access: Any, who: str) -> None:
    end = in_seconds(3600)
    wanted = {"path": "/p/a", "role": READER, "subject": who, "effect": "EFFECT_DENY"}
    made = access.CreateGrant(**wanted, expire_time=end)
    grant = made.grant
    assert grant.name.startswith("grants/")
    assert (grant.path, grant.role, grant.subject, grant.effect) == ("/p/a", READER, who, 2)
    assert abs(grant.expire_time.ToDatetime(end.tzinfo) - end).total_seconds() < 1e-5
    assert grant.create_time.ToDatetime(end.tzinfo) < end
    assert grant.creator == documents.admin.name
    assert made.revision
    assert list(access.ListGrants(subject=who).grants) == [grant]


def test_without_an_effect_it_allows_and_without_an_end_it_lasts(access: Any, who: str) -> None:
    grant = access.CreateGrant(path="/p", role=READER, subject=who).grant
    assert grant.effect == 1
    assert not grant.HasField("expire_time")


def test_a_grant_counts_on_its_path_and_below_at_once(access: Any, who: str) -> None:
    assert not may(access, who, "/p/a")
    grant = access.CreateGrant(path="/p/a", role=READER, subject=who).grant
    assert [may(access, who, it) for it in ("/p/a", "/p/a/b", "/p/ab", "/p", "/")] == [
        *(True, True),
        *(False, False, False),
    ]
    access.DeleteGrant(name=grant.name)
    assert not may(access, who, "/p/a")


@pytest.mark.parametrize(("allowed", "denied"), [("/p", "/p/a"), ("/p/a", "/p"), ("/p", "/p")])
def test_a_denial_beats_every_allowance_wherever_either_stands(
    documents: House, access: Any, who: str, allowed: str, denied: str
) -> None:
    documents.grant(who, READER, allowed)
    denial = documents.grant(who, KEEPER, denied, effect="EFFECT_DENY")
    assert not may(access, who, "/p/a/b")
    access.DeleteGrant(name=denial.name)
    assert may(access, who, "/p/a/b")


def test_me_is_the_caller(documents: House) -> None:
    grant = documents.admin.access.CreateGrant(path="/mine", role=READER, subject="users/me").grant
    assert grant.subject == documents.admin.name


@pytest.fixture
def many(documents: House, who: str) -> dict[str, Any]:
    """Grants on several paths, by path; one of them to everyone, one to a group of theirs."""
    group = documents.admin.groups.CreateGroup(group={}).group.name
    documents.admin.groups.AddMember(group=group, member=who)
    tag = f"/many-{who[-12:]}"
    wanted = [
        (f"{tag}", READER, who),
        (f"{tag}/a", KEEPER, who),
        (f"{tag}/a/b", READER, group),
        (f"{tag}/b", READER, "everyone"),
        (f"{tag}/b", KEEPER, who),
    ]
    grants = [documents.grant(subject, role, path) for path, role, subject in wanted]
    return {"tag": tag, "group": group, "names": [it.name for it in grants]}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"path": "{tag}/b"}, [3, 4]),
        ({"path": "{tag}/a/b"}, [2]),
        ({"path": "{tag}/a/b", "include_inherited": True}, [0, 1, 2]),
        ({"subject": "{who}"}, [0, 1, 4]),
        ({"subject": "{group}"}, [2]),
        ({"subject": "{who}", "role": KEEPER}, [1, 4]),
        ({"subject": "{who}", "path": "{tag}/b"}, [4]),
        ({"subject": "{who}", "path": "{tag}/b", "include_inherited": True}, [0, 3, 4]),
        ({"path": "{tag}/none"}, []),
    ],
)
def test_grants_are_listed_by_path_subject_and_role_oldest_first(
    access: Any, who: str, many: dict[str, Any], asked: dict[str, Any], expected: list[int]
) -> None:
    filled = {
        name: value.format(who=who, **many) if isinstance(value, str) else value
        for name, value in asked.items()
    }
    found = [it.name for it in access.ListGrants(**filled, page_size=1000).grants]
    ours = [it for it in found if it in many["names"]]
    assert ours == [many["names"][number] for number in expected]


def test_the_pages_together_are_the_list(access: Any, who: str, many: dict[str, Any]) -> None:
    names, token = [], ""
    while True:
        page = access.ListGrants(subject=who, page_size=2, page_token=token)
        names += [it.name for it in page.grants]
        if not (token := page.next_page_token):
            break
    assert names == [many["names"][number] for number in (0, 1, 4)]


@pytest.mark.parametrize(
    "rpc",
    [
        ("ListGrants", {"path": "/"}),
        ("ListAccess", {"permission": READ}),
        ("ListSubjects", {"permission": READ, "path": "/p"}),
    ],
    ids=lambda it: it[0],
)
def test_a_page_token_is_good_for_its_own_question_only(
    documents: House, access: Any, rpc: tuple[str, dict[str, str]]
) -> None:
    name, asked = rpc
    for path in ("/", "/p", "/p/a"):
        documents.grant(documents.new_user().name, READER, path)
        documents.grant("everyone", READER, f"{path.rstrip('/')}/{uuid4().hex}")
    call = getattr(access, name)
    token = call(**asked, page_size=1).next_page_token
    assert token
    assert call(**asked, page_size=3, page_token=token)
    other = asked | ({"path": "/q"} if name == "ListGrants" else {"permission": "documents.write"})
    for wrong in ({"page_token": token[:-2] + "AA"}, other | {"page_token": token}):
        with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields=["page_token"]):
            call(**asked | wrong)
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=["page_size"]):
        call(**asked, page_size=-1)


def test_listing_needs_a_permission_where_one_looks(documents: House) -> None:
    ada: Person = documents.new_person()
    documents.grant(ada.name, "roles/auditor", "/p")
    assert ada.access.ListGrants(path="/p/a") is not None
    for asked in ({}, {"path": "/"}, {"subject": ada.name}, {"path": "/q"}):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
            ada.access.ListGrants(**asked)


def test_a_repeated_request_makes_one_grant(access: Any, who: str) -> None:
    asked = {"path": "/p", "role": READER, "subject": who, "request_id": str(uuid4())}
    assert access.CreateGrant(**asked) == access.CreateGrant(**asked)
    [grant] = access.ListGrants(subject=who).grants
    asked = {"name": grant.name, "request_id": str(uuid4())}
    assert access.DeleteGrant(**asked) == access.DeleteGrant(**asked)


def test_a_grant_that_is_gone_is_not_found(access: Any, who: str) -> None:
    grant = access.CreateGrant(path="/p", role=READER, subject=who).grant
    access.DeleteGrant(name=grant.name)
    with refused(NOT_FOUND, reason="GRANT_NOT_FOUND") as refusal:
        access.DeleteGrant(name=grant.name)
    assert refusal.resource == ("gatehouse.access.v1.Grant", grant.name)


@pytest.mark.parametrize("effect", ["EFFECT_ALLOW", "EFFECT_DENY"])
def test_what_is_granted_and_taken_back_is_an_event(
    documents: House, access: Any, who: str, effect: str
) -> None:
    grant = access.CreateGrant(path="/p", role=READER, subject=who, effect=effect).grant
    access.DeleteGrant(name=grant.name)
    rows = documents.sql(
        "SELECT type, actor, data FROM events WHERE subject = :who"
        " AND type LIKE 'gatehouse.grants.%' ORDER BY position",
        who=who,
    )
    told = {"grant": grant.name, "path": "/p", "role": READER, "expire_time": None}
    told["effect"] = effect.removeprefix("EFFECT_")
    assert [(it.type, it.actor, it.data) for it in rows] == [
        ("gatehouse.grants.created", documents.admin.name, told),
        ("gatehouse.grants.deleted", documents.admin.name, told),
    ]
