"""Who may not pass something on is told so before anything on what there is."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import (
    ALREADY_EXISTS,
    NOT_FOUND,
    PERMISSION_DENIED,
    Refusal,
    refused,
)

READER = "roles/doc-reader"
Holder = Callable[..., Person]
KINDS = pytest.mark.parametrize("kind", ["users", "groups", "serviceAccounts"])
CHANGES = pytest.mark.parametrize("rpc", ["AddMember", "RemoveMember"])


def new(house: House, kind: str) -> str:
    if kind == "users":
        return house.new_user().name
    if kind == "groups":
        return str(house.admin.groups.CreateGroup(group={}).group.name)
    made = house.admin.service_accounts.CreateServiceAccount(service_account={})
    return str(made.service_account.name)


def told(refusal: Refusal, *names: str) -> Any:
    """What a refusal says, but for the names that were asked about."""
    message = refusal.message
    for name in names:
        message = message.replace(name, "it")
    return refusal.code, refusal.reason, message, refusal.metadata, refusal.resource


@pytest.fixture
def granter(holder: Holder) -> Person:
    """May grant on the path, and holds nothing there that could be granted."""
    return holder(("roles/granter", "/p"))


@KINDS
def test_a_grant_of_what_one_lacks_is_refused_alike_to_who_is_there_and_who_is_not(
    documents: House, granter: Person, kind: str
) -> None:
    answers = []
    for subject in (new(documents, kind), f"{kind}/{uuid4()}"):
        with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
            granter.access.CreateGrant(path="/p/a", role=READER, subject=subject)
        answers.append(told(refusal, subject))
    assert answers[0] == answers[1]


def test_nor_is_it_told_that_there_is_the_same_grant(documents: House, granter: Person) -> None:
    subject, answers = documents.new_user().name, []
    for path in ("/p/there", "/p/not"):
        if path == "/p/there":
            documents.grant(subject, READER, path)
        with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
            granter.access.CreateGrant(path=path, role=READER, subject=subject)
        assert refusal.metadata["path"] == path
        refusal.metadata = {}
        answers.append(told(refusal, path))
    assert answers[0] == answers[1]


@KINDS
def test_who_may_grant_it_is_told_both(documents: House, holder: Holder, kind: str) -> None:
    keeper, subject = holder(("roles/doc-keeper", "/p")), new(documents, kind)
    asked = {"path": "/p/both", "role": READER}
    made = keeper.access.CreateGrant(**asked, subject=subject).grant
    with refused(ALREADY_EXISTS, reason="GRANT_EXISTS") as refusal:
        keeper.access.CreateGrant(**asked, subject=subject)
    assert refusal.metadata == {"grant": made.name}
    nobody = f"{kind}/{uuid4()}"
    with refused(NOT_FOUND, reason="SUBJECT_NOT_FOUND") as refusal:
        keeper.access.CreateGrant(**asked, subject=nobody)
    assert refusal.resource == ("gatehouse.access.v1.Subject", nobody)


@pytest.fixture
def able(documents: House) -> str:
    """A group that holds something."""
    name = new(documents, "groups")
    documents.grant(name, READER, "/p")
    return name


@pytest.fixture
def helper(documents: House, holder: Holder) -> Person:
    """May put people into groups, and holds nothing else."""
    role = f"roles/it-{uuid4().hex[:12]}"
    members = ["groups.add_member", "groups.remove_member"]
    documents.admin.roles.CreateRole(role={"name": role, "permissions": members})
    return holder((role, "/groups"))


@CHANGES
@KINDS
def test_a_member_of_a_group_that_holds_more_is_refused_alike_there_or_not(
    documents: House, helper: Person, able: str, rpc: str, kind: str
) -> None:
    answers = []
    for member in (new(documents, kind), f"{kind}/{uuid4()}"):
        with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
            getattr(helper.groups, rpc)(group=able, member=member)
        answers.append(told(refusal, member))
    assert answers[0] == answers[1]


@CHANGES
@KINDS
def test_who_may_change_the_group_is_told_who_is_not_there(
    documents: House, helper: Person, rpc: str, kind: str
) -> None:
    with refused(NOT_FOUND, reason="SUBJECT_NOT_FOUND"):
        getattr(helper.groups, rpc)(group=new(documents, "groups"), member=f"{kind}/{uuid4()}")


@pytest.fixture
def eng(documents: House) -> str:
    """A group that holds something in a place that not everybody is to know of."""
    name = new(documents, "groups")
    documents.grant(name, READER, "/merger/target")
    return name


@CHANGES
def test_what_a_group_holds_and_where_is_not_told_to_who_may_not_list_it(
    helper: Person, eng: str, rpc: str
) -> None:
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        getattr(helper.groups, rpc)(group=eng, member="users/me")
    assert refusal.metadata == {"subject": eng}
    assert "merger" not in refusal.message
    assert "documents" not in refusal.message


@pytest.mark.parametrize("where", ["/", "/merger", "/merger/target"])
@CHANGES
def test_it_is_told_to_who_may(
    documents: House, helper: Person, eng: str, rpc: str, where: str
) -> None:
    documents.grant(helper.name, "roles/auditor", where)
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        getattr(helper.groups, rpc)(group=eng, member="users/me")
    assert refusal.metadata == {"permission": "documents.read", "path": "/merger/target"}
    assert eng in refusal.message


@pytest.mark.parametrize("where", ["/merger/target/below", "/merger/other", "/groups"])
def test_who_may_list_grants_elsewhere_is_not_told(
    documents: House, helper: Person, eng: str, where: str
) -> None:
    documents.grant(helper.name, "roles/auditor", where)
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        helper.groups.AddMember(group=eng, member="users/me")
    assert refusal.metadata == {"subject": eng}


def test_nor_is_who_is_denied_to_list_them_there(
    documents: House, helper: Person, eng: str
) -> None:
    documents.grant(helper.name, "roles/auditor", "/")
    documents.grant(helper.name, "roles/auditor", "/merger", effect="EFFECT_DENY")
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        helper.access.ListGrants(path="/merger/target")
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        helper.groups.AddMember(group=eng, member="users/me")
    assert refusal.metadata == {"subject": eng}


def test_what_a_service_holds_is_not_told_either(documents: House, holder: Holder) -> None:
    account, role = new(documents, "serviceAccounts"), f"roles/it-{uuid4().hex[:12]}"
    documents.grant(account, READER, "/merger/target")
    keys = {"name": role, "permissions": ["serviceaccounts.create_key"]}
    documents.admin.roles.CreateRole(role=keys)
    maker = holder((role, "/serviceAccounts"))
    with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
        maker.service_accounts.CreateApiKey(service_account=account)
    assert refusal.metadata == {"subject": account}
    assert "merger" not in refusal.message
