"""Suspension, reactivation and deletion, as the user feels them."""

import pytest

from tests.support.clients import Client, Person
from tests.support.house import House, new_email
from tests.support.refusals import (
    NOT_FOUND,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)

NOBODY = "users/0190a5b4-0000-7000-8000-000000000000"


def test_a_suspended_user_is_refused_on_the_next_call(admin: Person, ada: Person) -> None:
    admin.users.SuspendUser(name=ada.name)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        ada.auth.WhoAmI()


def test_a_suspended_user_cannot_refresh(admin: Person, anonymous: Client, ada: Person) -> None:
    admin.users.SuspendUser(name=ada.name)
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token)


def test_a_suspended_user_is_told_at_sign_in_what_a_wrong_password_is(
    admin: Person, anonymous: Client, ada: Person
) -> None:
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS") as wrong:
        anonymous.auth.Login(email=ada.email, password="not the password at all")
    admin.users.SuspendUser(name=ada.name)
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS") as suspended:
        anonymous.auth.Login(email=ada.email, password=ada.password)
    assert (wrong.message, wrong.metadata) == (suspended.message, suspended.metadata)


def test_suspending_answers_the_user_and_a_revision(admin: Person, ada: Person) -> None:
    answer = admin.users.SuspendUser(name=ada.name)
    assert answer.user.state == answer.user.STATE_SUSPENDED
    assert answer.revision


def test_suspending_twice_is_no_error(admin: Person, ada: Person) -> None:
    first = admin.users.SuspendUser(name=ada.name).user
    assert admin.users.SuspendUser(name=ada.name).user == first


def test_a_reactivated_user_signs_in_again_but_ended_sessions_stay_ended(
    gatehouse: House, admin: Person, ada: Person
) -> None:
    admin.users.SuspendUser(name=ada.name)
    answer = admin.users.ReactivateUser(name=ada.name)
    assert answer.user.state == answer.user.STATE_ACTIVE
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        ada.auth.WhoAmI()
    assert gatehouse.sign_in(ada.credentials).auth.WhoAmI().subject == ada.name


def test_reactivating_who_is_not_suspended_is_no_error(admin: Person, ada: Person) -> None:
    assert admin.users.ReactivateUser(name=ada.name).user.state == 1
    assert ada.auth.WhoAmI().subject == ada.name


def test_a_suspended_user_without_a_password_is_pending_again(admin: Person) -> None:
    name = admin.users.CreateUser(user={"email": new_email()}).user.name
    admin.users.SuspendUser(name=name)
    user = admin.users.ReactivateUser(name=name).user
    assert user.state == user.STATE_PENDING


def test_a_deleted_user_is_gone_and_refused(admin: Person, anonymous: Client, ada: Person) -> None:
    assert admin.users.DeleteUser(name=ada.name).revision
    with refused(NOT_FOUND, reason="USER_NOT_FOUND"):
        admin.users.GetUser(name=ada.name)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        ada.auth.WhoAmI()
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token)
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        anonymous.auth.Login(email=ada.email, password=ada.password)


def test_the_email_of_a_deleted_user_is_free_again(admin: Person, ada: Person) -> None:
    admin.users.DeleteUser(name=ada.name)
    again = admin.users.CreateUser(user={"email": ada.email}).user
    assert again.name != ada.name


def test_a_deleted_users_grants_are_gone(gatehouse: House, admin: Person) -> None:
    auditor = gatehouse.new_person("roles/auditor")
    admin.users.DeleteUser(name=auditor.name)
    assert gatehouse.sql("SELECT 1 FROM grants WHERE subject = :it", it=auditor.name) == []


@pytest.mark.parametrize("rpc", ["SuspendUser", "ReactivateUser", "DeleteUser", "GetUser"])
def test_who_is_not_there_is_not_found(admin: Person, rpc: str) -> None:
    with refused(NOT_FOUND, reason="USER_NOT_FOUND") as refusal:
        getattr(admin.users, rpc)(name=NOBODY)
    assert refusal.resource == ("gatehouse.users.v1.User", NOBODY)


@pytest.mark.parametrize("rpc", ["SuspendUser", "ReactivateUser", "DeleteUser", "GetUser"])
def test_who_may_not_is_not_told_who_is_there(ada: Person, bob: Person, rpc: str) -> None:
    answers = []
    for name in (bob.name, NOBODY):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
            getattr(ada.users, rpc)(name=name)
        answers.append(refusal.message.replace(name, "…"))
    assert answers[0] == answers[1]
