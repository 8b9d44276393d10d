"""Nobody grants, or takes back, what they do not hold."""

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc
import pytest

from tests.e2e.access.conftest import in_seconds
from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import NOT_FOUND, PERMISSION_DENIED, read, refused
from tests.support.waiting import wait_until

OWNER, ADMIN, AUDITOR = "roles/owner", "roles/admin", "roles/auditor"
READER, KEEPER, GRANTER, ALL = (
    "roles/doc-reader",
    "roles/doc-keeper",
    "roles/granter",
    "roles/everything",
)
DENY = {"effect": "EFFECT_DENY"}
KEEPS = (KEEPER, "/p")
Holder = Callable[..., Person]


def ending(seconds: float) -> dict[str, Any]:
    return {"expire_time": in_seconds(seconds)}


class Case(NamedTuple):
    """Who holds what, and tries to grant what: "" when they may, or why not."""

    held: list[tuple[Any, ...]]
    role: str
    path: str
    fields: dict[str, Any]
    refusal: str


NOT_HELD, MISSING = "NOT_HELD", "PERMISSION_MISSING"
CASES = {
    "an owner may do everything": Case([(OWNER, "/")], OWNER, "/p", {}, ""),
    "everything by another name": Case([(ALL, "/")], OWNER, "/x", {}, ""),
    "an admin makes no owner": Case([(ADMIN, "/")], OWNER, "/", {}, NOT_HELD),
    "an admin makes no owner below": Case([(ADMIN, "/")], ALL, "/p/x", {}, NOT_HELD),
    "an admin has no documents": Case([(ADMIN, "/")], READER, "/p", {}, NOT_HELD),
    "an admin makes auditors": Case([(ADMIN, "/")], AUDITOR, "/", {}, ""),
    "an admin makes admins": Case([(ADMIN, "/")], ADMIN, "/p", {}, ""),
    "on the path": Case([KEEPS], READER, "/p", {}, ""),
    "below the path": Case([KEEPS], KEEPER, "/p/a/b", {}, ""),
    "above the path": Case([KEEPS], READER, "/", {}, MISSING),
    "beside the path": Case([KEEPS], READER, "/q", {}, MISSING),
    "a name that begins alike": Case([KEEPS], READER, "/pp", {}, MISSING),
    "more than one holds": Case([KEEPS], ALL, "/p/a", {}, NOT_HELD),
    "a whole type for one of it": Case(
        [(GRANTER, "/p"), (READER, "/p")], KEEPER, "/p", {}, NOT_HELD
    ),
    "only the right to grant": Case([(GRANTER, "/p")], READER, "/p", {}, NOT_HELD),
    "held by two grants": Case([(GRANTER, "/"), (READER, "/p")], READER, "/p/a", {}, ""),
    "held, but elsewhere": Case([(GRANTER, "/"), (READER, "/p/a")], READER, "/p", {}, NOT_HELD),
    "for a while, for good": Case([(*KEEPS, ending(600))], READER, "/p", {}, NOT_HELD),
    "for a while, for longer": Case([(*KEEPS, ending(600))], READER, "/p", ending(900), NOT_HELD),
    "for a while, for less": Case([(*KEEPS, ending(600))], READER, "/p", ending(300), ""),
    "for good and for a while": Case([(*KEEPS, ending(600)), KEEPS], READER, "/p", {}, ""),
    "granting for a while, held for good": Case(
        [(GRANTER, "/p", ending(600)), (READER, "/")], READER, "/p", {}, ""
    ),
    "an owner for a while": Case([(OWNER, "/", ending(600))], OWNER, "/", {}, NOT_HELD),
    "denied below": Case([KEEPS, (READER, "/p/secret", DENY)], READER, "/p", {}, NOT_HELD),
    "denied there": Case([KEEPS, (READER, "/p/s", DENY)], READER, "/p/s", {}, NOT_HELD),
    "denied above": Case([KEEPS, (READER, "/", DENY)], READER, "/p/a", {}, NOT_HELD),
    "denied beside": Case([KEEPS, (READER, "/p/secret", DENY)], READER, "/p/open", {}, ""),
    "denied something else": Case([KEEPS, (AUDITOR, "/p/a", DENY)], READER, "/p", {}, ""),
    "denied for a while": Case(
        [KEEPS, (READER, "/p/a", DENY | ending(600))], READER, "/p", {}, NOT_HELD
    ),
    "denied to grant": Case([KEEPS, (GRANTER, "/p/a", DENY)], READER, "/p/a/b", {}, MISSING),
    "an owner denied below": Case([(OWNER, "/"), (READER, "/p/a", DENY)], READER, "/p/a", {}, ""),
    "an owner for a while, denied below": Case(
        [(OWNER, "/", ending(600)), (READER, "/p/a", DENY)], READER, "/p/a", ending(300), NOT_HELD
    ),
    "to deny what one holds": Case([KEEPS], READER, "/p/a", DENY, ""),
    "to deny what one does not": Case([(GRANTER, "/p")], READER, "/p", DENY, NOT_HELD),
}
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@EACH
@pytest.mark.parametrize("to", ["somebody", "oneself"])
def test_one_grants_what_one_holds(documents: House, holder: Holder, case: Case, to: str) -> None:
    granter = holder(*case.held)
    whom = documents.new_user().name if to == "somebody" else granter.name
    before = len(documents.admin.access.ListGrants(subject=whom).grants)
    asked = {"path": case.path, "role": case.role, "subject": whom} | case.fields
    if case.refusal:
        with refused(PERMISSION_DENIED, reason=case.refusal):
            granter.access.CreateGrant(**asked)
    else:
        granter.access.CreateGrant(**asked)
    after = len(documents.admin.access.ListGrants(subject=whom).grants)
    assert after - before == (0 if case.refusal else 1)


def test_what_is_held_by_a_group_may_be_passed_on(documents: House, holder: Holder) -> None:
    granter, whom = holder(), documents.new_user().name
    inner, outer = (documents.admin.groups.CreateGroup(group={}).group.name for _ in "12")
    documents.grant(outer, KEEPER, "/by-group")
    documents.admin.groups.AddMember(group=outer, member=inner)
    documents.admin.groups.AddMember(group=inner, member=granter.name)
    assert granter.access.CreateGrant(path="/by-group/a", role=READER, subject=whom).grant.name


def test_what_a_group_is_denied_may_not(documents: House, holder: Holder) -> None:
    granter, whom = holder(KEEPS), documents.new_user().name
    group = documents.admin.groups.CreateGroup(group={}).group.name
    documents.grant(group, READER, "/p", **DENY)
    documents.admin.groups.AddMember(group=group, member=granter.name)
    with refused(PERMISSION_DENIED, reason="NOT_HELD"):
        granter.access.CreateGrant(path="/p/a", role=READER, subject=whom)


def test_what_was_held_for_a_moment_is_not_passed_on_after_it(
    documents: House, holder: Holder
) -> None:
    granter, whom = holder((GRANTER, "/p"), (READER, "/p", ending(0.4))), documents.new_user().name

    def refusal() -> str:
        fields = {"path": "/p", "role": READER, "subject": whom, **ending(0.2)}
        try:
            granter.access.CreateGrant(**fields)
        except grpc.RpcError as error:
            return read(error).reason
        return ""

    wait_until(lambda: refusal() == "NOT_HELD", "the end")


TAKING = {
    "what one holds": ([KEEPS], READER, "/p/a", {}, ""),
    "a whole type for one of it": ([(GRANTER, "/"), (READER, "/")], KEEPER, "/p", {}, "NOT_HELD"),
    "elsewhere": ([KEEPS], READER, "/q", {}, MISSING),
    "above": ([KEEPS], READER, "/", {}, MISSING),
    "an admin's from an owner": ([(ADMIN, "/")], OWNER, "/", {}, "NOT_HELD"),
    "documents from an admin": ([(ADMIN, "/")], READER, "/p", {}, "NOT_HELD"),
    "held for a while": ([(*KEEPS, ending(600))], READER, "/p", {}, ""),
    "a denial of what one holds": ([KEEPS], READER, "/p/a", DENY, ""),
    "a denial of what one does not": ([(GRANTER, "/p")], READER, "/p/a", DENY, "NOT_HELD"),
    "by who may anywhere": ([(GRANTER, "/"), (READER, "/p")], READER, "/p/a", {}, ""),
}


@pytest.mark.parametrize("case", TAKING.values(), ids=TAKING)
def test_one_takes_back_what_one_holds(documents: House, holder: Holder, case: Any) -> None:
    held, role, path, fields, refusal = case
    taker, whom = holder(*held), documents.new_user().name
    grant = documents.grant(whom, role, path, **fields)
    if refusal:
        with refused(PERMISSION_DENIED, reason=refusal):
            taker.access.DeleteGrant(name=grant.name)
    else:
        taker.access.DeleteGrant(name=grant.name)
    left = [it.name for it in documents.admin.access.ListGrants(subject=whom).grants]
    assert left == ([grant.name] if refusal else [])


@pytest.mark.parametrize("path", ["/p", "/p/secret"])
def test_whom_a_denial_binds_cannot_take_it_back(
    documents: House, holder: Holder, path: str
) -> None:
    bound = holder(KEEPS)
    denial = documents.grant(bound.name, READER, path, **DENY)
    with refused(PERMISSION_DENIED, reason="NOT_HELD"):
        bound.access.DeleteGrant(name=denial.name)
    assert not bound.access.CheckAccess(permission="documents.read", path=path).allowed


@pytest.mark.parametrize("role", [OWNER, ADMIN, READER, ALL])
def test_an_owner_can_always_mend_things(documents: House, holder: Holder, role: str) -> None:
    owner = holder((OWNER, "/"))
    denial = documents.grant(owner.name, role, "/p/broken", **DENY)
    owner.access.DeleteGrant(name=denial.name)
    assert owner.access.CheckAccess(permission="documents.read", path="/p/broken").allowed


def test_who_may_not_know_is_not_told_whether_a_grant_is_there(
    documents: House, holder: Holder
) -> None:
    elsewhere, nowhere = documents.grant(documents.new_user().name, READER, "/q").name, ""
    nowhere = "grants/0190a5b4-0000-7000-8000-000000000000"
    messages = []
    for name in (elsewhere, nowhere):
        with refused(PERMISSION_DENIED, reason=MISSING) as refusal:
            holder(KEEPS).access.DeleteGrant(name=name)
        messages.append(refusal.message.replace(name, ""))
    assert messages[0] == messages[1]
    with refused(NOT_FOUND, reason="GRANT_NOT_FOUND"):
        documents.admin.access.DeleteGrant(name=nowhere)
