"""What is wrong with a question or a grant is said in the contract's words."""

from typing import Any

import grpc
import pytest

from tests.e2e.access.conftest import in_seconds
from tests.support.clients import Method, Person
from tests.support.house import House
from tests.support.refusals import (
    ALREADY_EXISTS,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    refused,
)
from tests.support.revisions import position_of

NOBODY = "users/0190a5b4-0000-7000-8000-000000000000"
ASKED = {"subject": NOBODY, "permission": "documents.read", "path": "/p"}
BAD_PATHS = {
    "empty": "",
    "relative": "p",
    "a trailing slash": "/p/",
    "twice the root": "//",
    "an empty segment": "/p//a",
    "a dot": "/p/./a",
    "two dots": "/p/../a",
    "two dots at the end": "/p/..",
    "NUL": "/p/\0",
    "a line": "/p/a\nb",
    "a control character of Latin-1": "/p/\x85",
    "5,000 characters": "/" + "a" * 5000,
    "1025 bytes": "/" + "é" * 512,
    "200 levels": "/a" * 200,
    "65 levels": "/a" * 65,
}
GOOD_PATHS = [
    "/",
    "/p/...",
    "/p/.a",
    "/p/a..b",
    "/é/🦀",
    "/ ",
    "/a" * 64,
    "/" + "é" * 511,
    "/%2e%2e",
]
PATHS = pytest.mark.parametrize("path", BAD_PATHS.values(), ids=BAD_PATHS)


def asks_of(rpc: str, path: str) -> dict[str, Any]:
    return {
        "CreateGrant": {"path": path, "role": "roles/member", "subject": "everyone"},
        "CheckAccess": {**ASKED, "path": path},
        "BatchCheckAccess": {"checks": [ASKED, {**ASKED, "path": path}]},
        "ListSubjects": {"permission": "documents.read", "path": path},
        "ExplainAccess": {**ASKED, "path": path},
        "ListAccess": {"subject": NOBODY, "permission": "documents.read", "under": path},
        "ListGrants": {"path": path},
    }[rpc]


@PATHS
@pytest.mark.parametrize(
    "rpc", ["CreateGrant", "CheckAccess", "BatchCheckAccess", "ListSubjects", "ExplainAccess"]
)
def test_a_path_that_is_none_is_refused_and_named(documents: House, rpc: str, path: str) -> None:
    field = "checks[1].path" if rpc == "BatchCheckAccess" else "path"
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=[field]):
        getattr(documents.admin.access, rpc)(**asks_of(rpc, path))


@PATHS
@pytest.mark.parametrize(("rpc", "field"), [("ListAccess", "under"), ("ListGrants", "path")])
def test_a_path_to_list_under_may_be_empty_and_nothing_worse(
    documents: House, rpc: str, field: str, path: str
) -> None:
    call = getattr(documents.admin.access, rpc)
    if not path:
        assert call(**asks_of(rpc, path)) is not None
        return
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=[field]):
        call(**asks_of(rpc, path))


@pytest.mark.parametrize("path", GOOD_PATHS)
def test_any_other_path_is_one(documents: House, path: str) -> None:
    access = documents.admin.access
    whom = documents.new_user().name
    documents.grant(whom, "roles/doc-reader", path)
    asked = {"subject": whom, "permission": "documents.read"}
    assert access.CheckAccess(path=path, **asked).allowed
    assert list(access.ListAccess(**asked).paths) == [path]
    assert access.ExplainAccess(path=path, **asked).steps[0].path == path


@pytest.mark.parametrize(
    "permission",
    [
        *("", "read", "documents.", ".read", "documents.*", "*", "documents.read.all"),
        *("docs read.x", "documents.read\n", "d" * 128 + ".r", "documents.\0"),
    ],
)
@pytest.mark.parametrize("rpc", ["CheckAccess", "ExplainAccess", "ListSubjects", "ListAccess"])
def test_a_permission_is_one_and_not_a_pattern(documents: House, rpc: str, permission: str) -> None:
    asked = asks_of(rpc, "/p") | {"permission": permission}
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=["permission"]):
        getattr(documents.admin.access, rpc)(**asked)


@pytest.mark.parametrize(
    "subject",
    [
        *("ada", "users/", "users/1", "groups/", "groups/UP", "Everyone", "everyone/"),
        *("roles/owner", f"users/{NOBODY[6:].upper()}", "groups/a b", f"sessions/{NOBODY[6:]}"),
    ],
)
def test_a_subject_is_a_user_a_service_a_group_or_everyone(documents: House, subject: str) -> None:
    for rpc in ("CheckAccess", "ExplainAccess", "ListAccess", "CreateGrant"):
        asked = asks_of(rpc, "/p") | {"subject": subject}
        with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=["subject"]):
            getattr(documents.admin.access, rpc)(**asked)


@pytest.mark.parametrize("subject", [NOBODY, "groups/nobody", "serviceAccounts/nobody"])
def test_who_is_not_there_is_granted_nothing_and_allowed_nothing(
    documents: House, subject: str
) -> None:
    access = documents.admin.access
    with refused(NOT_FOUND, reason="SUBJECT_NOT_FOUND") as refusal:
        documents.grant(subject, "roles/member", "/p")
    assert refusal.resource == ("gatehouse.access.v1.Subject", subject)
    assert not access.CheckAccess(**ASKED | {"subject": subject}).allowed
    assert not access.ListAccess(subject=subject, permission="documents.read").paths
    assert "no such subject" in access.ExplainAccess(**ASKED | {"subject": subject}).explanation


def test_a_role_that_is_not_there_is_not_found(documents: House) -> None:
    with refused(NOT_FOUND, reason="ROLE_NOT_FOUND") as refusal:
        documents.grant("everyone", "roles/nothing", "/p")
    assert refusal.resource == ("gatehouse.roles.v1.Role", "roles/nothing")


@pytest.mark.parametrize("seconds", [-3600.0, -0.001, -1e9])
def test_a_grant_does_not_end_before_it_begins(documents: House, seconds: float) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=["expire_time"]):
        documents.grant("everyone", "roles/member", "/p", expire_time=in_seconds(seconds))


@pytest.mark.parametrize("time", [{"seconds": 2**62}, {"seconds": -(2**62)}, {"nanos": -1}])
def test_a_time_that_is_none_is_refused(documents: House, time: dict[str, int]) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=["expire_time"]):
        documents.grant("everyone", "roles/member", "/p", expire_time=time)


def test_the_same_grant_is_made_once_and_named(documents: House) -> None:
    whom = documents.new_user().name
    grant = documents.grant(whom, "roles/member", "/p")
    with refused(ALREADY_EXISTS, reason="GRANT_EXISTS") as refusal:
        documents.grant(whom, "roles/member", "/p")
    assert refusal.metadata == {"grant": grant.name}


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/q"},
        {"role": "roles/auditor"},
        {"effect": "EFFECT_DENY"},
        {"expire_time": in_seconds(3600)},
        {"subject": "everyone"},
    ],
    ids=lambda it: next(iter(it)),
)
def test_a_grant_that_differs_in_anything_is_another(documents: House, other: Any) -> None:
    first = {"subject": documents.new_user().name, "role": "roles/member", "path": "/p"}
    made = [documents.grant(**first), documents.grant(**first | other)]
    assert made[0].name != made[1].name
    for grant in made:
        documents.admin.access.DeleteGrant(name=grant.name)


def batch(documents: House) -> Method:
    method: Method = documents.admin.access.BatchCheckAccess
    return method


def test_a_thousand_questions_are_answered_in_order(documents: House) -> None:
    whom = documents.new_user().name
    documents.grant(whom, "roles/doc-reader", "/in/order")
    checks = [
        ASKED | {"subject": whom, "path": f"/in/{'order' if n % 3 else 'vain'}/{n}"}
        for n in range(1000)
    ]
    results = batch(documents)(checks=checks).results
    assert [it.allowed for it in results] == [n % 3 > 0 for n in range(1000)]


@pytest.mark.parametrize("count", [0, 1001])
def test_none_and_more_than_a_thousand_are_refused(documents: House, count: int) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=["checks"]):
        batch(documents)(checks=[ASKED] * count)


CONSISTENT = ["CheckAccess", "BatchCheckAccess", "ListAccess", "ListSubjects", "ExplainAccess"]
CONSISTENT += ["ListGrants"]


def at_least(documents: House, rpc: str, revision: str) -> Any:
    consistency = {"at_least_as_fresh": revision}
    return getattr(documents.admin.access, rpc)(**asks_of(rpc, "/p"), consistency=consistency)


@pytest.mark.parametrize("rpc", CONSISTENT)
@pytest.mark.parametrize("revision", ["garbage", "é", "AAAA", "=" * 28, "A" * 256, "A" * 40])
def test_a_revision_that_was_never_given_out_is_refused(
    documents: House, rpc: str, revision: str
) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        at_least(documents, rpc, revision)
    assert refusal.value.code() in {INVALID_ARGUMENT, FAILED_PRECONDITION}


@pytest.mark.parametrize("rpc", CONSISTENT)
@pytest.mark.parametrize("revision", ["", "A" * 257])
def test_a_revision_has_some_length(documents: House, rpc: str, revision: str) -> None:
    field = ["consistency.at_least_as_fresh"]
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=field):
        at_least(documents, rpc, revision)


@pytest.mark.parametrize("rpc", CONSISTENT)
def test_a_revision_of_another_database_is_foreign(
    documents: House, gatehouse: House, rpc: str
) -> None:
    foreign = gatehouse.admin.access.CheckAccess(**ASKED).revision
    assert position_of(foreign) > 0
    with refused(FAILED_PRECONDITION, reason="FOREIGN_REVISION"):
        at_least(documents, rpc, foreign)


@pytest.mark.parametrize("rpc", CONSISTENT)
def test_a_revision_of_the_future_is_foreign(documents: House, rpc: str) -> None:
    history = documents.application.services.database.history
    with refused(FAILED_PRECONDITION, reason="FOREIGN_REVISION"):
        at_least(documents, rpc, history.revision(1 << 40))


@pytest.mark.parametrize("rpc", ["CheckAccess", "BatchCheckAccess", "ListAccess", "ExplainAccess"])
def test_about_others_one_needs_to_be_allowed_to_ask(documents: House, rpc: str) -> None:
    ada = documents.new_person()
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
        getattr(ada.access, rpc)(**asks_of(rpc, "/p"))
    verb = {"ListAccess": "list", "ExplainAccess": "explain"}.get(rpc, "check")
    assert refusal.metadata == {"permission": f"access.{verb}", "path": "/p"}


def test_about_oneself_anyone_may_ask(documents: House) -> None:
    ada: Person = documents.new_person()
    for subject in ("", "users/me", ada.name):
        asked = ASKED | {"subject": subject}
        assert not ada.access.CheckAccess(**asked).allowed
        assert not ada.access.BatchCheckAccess(checks=[asked]).results[0].allowed
        assert ada.access.ExplainAccess(**asked).explanation
        assert not ada.access.ListAccess(subject=subject, permission="documents.read").paths


def test_who_may_ask_below_a_path_may_ask_there_only(documents: House) -> None:
    ada = documents.new_person()
    documents.grant(ada.name, "roles/auditor", "/p")
    mixed = [ASKED | {"path": "/p/a"}, ASKED | {"path": "/q"}]
    assert ada.access.BatchCheckAccess(checks=mixed[:1]).revision
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
        ada.access.BatchCheckAccess(checks=mixed)
    assert refusal.metadata["path"] == "/q"


@pytest.mark.parametrize("name", ["", "grants/", "grants/1", f"grants/{NOBODY[6:].upper()}"])
def test_the_name_of_a_grant_is_one(documents: House, name: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields=["name"]):
        documents.admin.access.DeleteGrant(name=name)


def test_bytes_that_are_no_text_are_refused(documents: House) -> None:
    for rpc in ("CheckAccess", "CreateGrant", "ListSubjects", "BatchCheckAccess"):
        text = b"\x0a\x02\xff\xfe"
        payload = b"\x0a\x04" + text if rpc == "BatchCheckAccess" else text
        with refused(INVALID_ARGUMENT, reason="MALFORMED_MESSAGE"):
            getattr(documents.admin.access, rpc)(payload)
