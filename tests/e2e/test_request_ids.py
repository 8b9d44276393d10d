"""One effect and one answer for each request id, whatever is lost on the way."""

from hashlib import sha256
from typing import Any
from uuid import uuid4

import grpc
import pytest

from tests.support.clients import Person
from tests.support.house import PASSWORD, House, new_email
from tests.support.refusals import (
    ABORTED,
    ALREADY_EXISTS,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    read,
    refused,
)

NEW = "eleven green lanterns hum"


def creation(request_id: str, **user: Any) -> dict[str, Any]:
    return {"user": {"email": new_email(), **user}, "request_id": request_id}


@pytest.fixture
def request_id() -> str:
    return str(uuid4())


@pytest.mark.parametrize("password", ["", PASSWORD])
def test_the_same_request_gets_the_same_answer_to_the_byte(
    admin: Person, request_id: str, password: str
) -> None:
    wanted = creation(request_id) | {"password": password}
    first = admin.users.CreateUser(**wanted)
    again = admin.users.CreateUser(**wanted)
    assert first.SerializeToString() == again.SerializeToString()
    assert len(admin.users.ListUsers(email=wanted["user"]["email"]).users) == 1


@pytest.mark.parametrize(
    "rpc", ["SuspendUser", "ReactivateUser", "DeleteUser", "UpdateUser", "RevokeSession"]
)
def test_every_mutation_can_be_repeated(
    admin: Person, ada: Person, request_id: str, rpc: str
) -> None:
    service, fields = {
        "UpdateUser": (admin.users, {"user": {"name": ada.name, "display_name": "New"}}),
        "RevokeSession": (admin.sessions, {"name": ada.session}),
    }.get(rpc, (admin.users, {"name": ada.name}))
    call = getattr(service, rpc)
    first = call(request_id=request_id, **fields)
    assert call(request_id=request_id, **fields) == first


def test_ending_all_sessions_can_be_repeated(admin: Person, ada: Person, request_id: str) -> None:
    for _ in range(2):
        answer = admin.sessions.RevokeAllSessions(subject=ada.name, request_id=request_id)
        assert answer.revoked_count == 1


def test_a_changed_password_can_be_repeated(ada: Person, request_id: str) -> None:
    wanted = {"current_password": PASSWORD, "new_password": NEW, "request_id": request_id}
    first = ada.auth.ChangePassword(**wanted)
    assert ada.auth.ChangePassword(**wanted) == first


def test_a_refused_change_of_password_is_refused_again(ada: Person, request_id: str) -> None:
    wanted = {"current_password": "wrong", "new_password": NEW, "request_id": request_id}
    for _ in range(2):
        with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
            ada.auth.ChangePassword(**wanted)
    ada.auth.ChangePassword(current_password=PASSWORD, new_password=NEW)


def test_a_repeat_is_answered_as_it_was_then_whatever_happened_since(
    admin: Person, request_id: str
) -> None:
    wanted = creation(request_id)
    first = admin.users.CreateUser(**wanted)
    admin.users.DeleteUser(name=first.user.name)
    assert admin.users.CreateUser(**wanted) == first
    with refused(NOT_FOUND, reason="USER_NOT_FOUND"):
        admin.users.GetUser(name=first.user.name)


def test_another_request_with_the_same_id_is_refused(admin: Person, request_id: str) -> None:
    admin.users.CreateUser(**creation(request_id))
    with refused(INVALID_ARGUMENT, reason="REQUEST_ID_REUSED", fields={"request_id"}):
        admin.users.CreateUser(**creation(request_id))


def test_another_method_with_the_same_id_is_refused(
    admin: Person, ada: Person, request_id: str
) -> None:
    admin.users.SuspendUser(name=ada.name, request_id=request_id)
    # The bodies of the two are the same to the byte.
    with refused(INVALID_ARGUMENT, reason="REQUEST_ID_REUSED"):
        admin.users.ReactivateUser(name=ada.name, request_id=request_id)


def test_two_callers_may_use_the_same_id(gatehouse: House, admin: Person, request_id: str) -> None:
    other = gatehouse.new_person("roles/admin")
    first = admin.users.CreateUser(**creation(request_id))
    assert other.users.CreateUser(**creation(request_id)).user.name != first.user.name


def test_a_refused_request_keeps_nothing(admin: Person, ada: Person, request_id: str) -> None:
    wanted = creation(request_id, email=ada.email)
    with refused(ALREADY_EXISTS, reason="EMAIL_TAKEN"):
        admin.users.CreateUser(**wanted)
    admin.users.DeleteUser(name=ada.name)
    assert admin.users.CreateUser(**wanted).user.email == ada.email


def test_who_lost_the_permission_gets_no_kept_answer(gatehouse: House, request_id: str) -> None:
    boss = gatehouse.new_person("roles/admin")
    wanted = creation(request_id)
    boss.users.CreateUser(**wanted)
    gatehouse.take_roles(boss.name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        boss.users.CreateUser(**wanted)


def test_twenty_at_once_have_one_effect(admin: Person, request_id: str) -> None:
    wanted = creation(request_id)
    calls = [admin.users.CreateUser.future(**wanted) for _ in range(20)]
    answers = set()
    for call in calls:
        try:
            answers.add(call.result().SerializeToString(deterministic=True))
        except grpc.RpcError as error:
            refusal = read(error)
            assert (refusal.code, refusal.reason) == (ABORTED, "REQUEST_IN_PROGRESS")
    assert len(answers) == 1
    assert len(admin.users.ListUsers(email=wanted["user"]["email"]).users) == 1
    assert admin.users.CreateUser(**wanted).SerializeToString(deterministic=True) in answers


def test_an_id_that_is_no_uuid_is_refused(admin: Person) -> None:
    for request_id in ("x", "0", str(uuid4())[:-1], f"{uuid4()} "):
        with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"request_id"}):
            admin.users.CreateUser(**creation(request_id))


def test_without_an_id_nothing_is_kept(gatehouse: House, admin: Person) -> None:
    count = "SELECT count(*) FROM requests"
    before = gatehouse.sql(count)
    admin.users.CreateUser(user={"email": new_email()})
    assert gatehouse.sql(count) == before


def test_kept_answers_are_sealed(gatehouse: House, admin: Person, request_id: str) -> None:
    wanted = creation(request_id)
    admin.users.CreateUser(**wanted)
    [row] = gatehouse.sql("SELECT answer FROM requests WHERE id = :id", id=request_id)
    assert wanted["user"]["email"].encode() not in bytes(row.answer)


def test_a_kept_request_cannot_be_guessed_from_its_digest(
    gatehouse: House, admin: Person, request_id: str
) -> None:
    """It holds a password and an e-mail, and a bare hash is quickly made of many guesses."""
    call = admin.users.CreateUser
    wanted = call.request(**creation(request_id), password=PASSWORD)
    call(wanted)
    method = b"/gatehouse.users.v1.UserService/CreateUser"
    body = wanted.SerializeToString(deterministic=True)
    [row] = gatehouse.sql("SELECT digest FROM requests WHERE id = :id", id=request_id)
    assert bytes(row.digest) != sha256(method + b"\0" + body).digest()
