"""Creating users."""

import pytest

from tests.support.clients import Client, Credentials, Person
from tests.support.house import PASSWORD, House, new_email
from tests.support.refusals import (
    ALREADY_EXISTS,
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)


def test_a_user_with_a_password_is_active_and_can_sign_in(gatehouse: House, admin: Person) -> None:
    email = new_email()
    created = admin.users.CreateUser(user={"email": email}, password=PASSWORD)
    assert created.user.state == created.user.STATE_ACTIVE
    assert not created.user.email_verified
    person = gatehouse.sign_in(Credentials(created.user.name, email, PASSWORD))
    assert person.auth.WhoAmI().subject == created.user.name


def test_a_user_without_a_password_is_pending_and_cannot_sign_in(
    admin: Person, anonymous: Client
) -> None:
    email = new_email()
    created = admin.users.CreateUser(user={"email": email})
    assert created.user.state == created.user.STATE_PENDING
    for password in (PASSWORD, "x", " "):
        with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
            anonymous.auth.Login(email=email, password=password)


def test_a_created_user_is_answered_as_it_is_read_later(admin: Person) -> None:
    wanted = {"email": new_email(), "display_name": "Zoë  ✓", "attributes": {"team": "a\nb"}}
    created = admin.users.CreateUser(user=wanted)
    assert created.revision
    user = admin.users.GetUser(name=created.user.name).user
    assert user == created.user
    assert (user.email, user.display_name) == (wanted["email"], wanted["display_name"])
    assert dict(user.attributes) == wanted["attributes"]
    assert user.create_time == user.update_time
    assert user.etag


def test_what_only_the_service_says_of_a_user_is_not_taken(admin: Person, ada: Person) -> None:
    forged = {
        "email": new_email(),
        "name": ada.name,
        "state": "STATE_SUSPENDED",
        "email_verified": True,
        "mfa_enabled": True,
        "etag": "zz",
        "create_time": {"seconds": 1},
    }
    user = admin.users.CreateUser(user=forged).user
    assert user.name != ada.name
    assert user.state == user.STATE_PENDING
    assert (user.email_verified, user.mfa_enabled) == (False, False)
    assert user.etag != "zz"
    assert user.create_time.seconds > 1


@pytest.mark.parametrize("spelling", [str, str.upper, str.title])
def test_an_email_is_taken_however_it_is_written(
    admin: Person, ada: Person, spelling: type[str]
) -> None:
    with refused(ALREADY_EXISTS, reason="EMAIL_TAKEN") as refusal:
        admin.users.CreateUser(user={"email": spelling(ada.email)})
    assert ada.email not in refusal.message.lower()


def test_an_email_is_kept_as_it_was_written(admin: Person) -> None:
    email = new_email("Ada.Lovelace").replace("example", "Example")
    assert admin.users.CreateUser(user={"email": email}).user.email == email


@pytest.mark.parametrize(
    ("user", "field"),
    [
        ({}, "user"),
        ({"email": "nobody"}, "user.email"),
        ({"email": "a b@example.org"}, "user.email"),
        ({"email": "a@example.org\n"}, "user.email"),
        ({"email": f"{'a' * 250}@example.org"}, "user.email"),
        ({"email": "a@example.org", "display_name": "x" * 257}, "user.display_name"),
        ({"email": "a@example.org", "display_name": "a\x1bb"}, "user.display_name"),
        ({"email": "a@example.org", "name": "users/ME"}, "user.name"),
        ({"email": "a@example.org", "attributes": {"": "x"}}, 'user.attributes[""]'),
        ({"email": "a@example.org", "attributes": {"1a": "x"}}, 'user.attributes["1a"]'),
        ({"email": "a@example.org", "attributes": {"a": "x" * 1025}}, 'user.attributes["a"]'),
        ({"email": "a@example.org", "attributes": {"a": "\0"}}, 'user.attributes["a"]'),
        (
            {"email": "a@example.org", "attributes": {f"k{n}": "" for n in range(65)}},
            "user.attributes",
        ),
        (
            {"email": "a@example.org", "attributes": {f"k{n}": "é" * 600 for n in range(16)}},
            "user.attributes",
        ),
    ],
)
def test_a_user_that_breaks_a_rule_is_refused_at_the_field(
    admin: Person, user: dict[str, object], field: str
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={field}):
        admin.users.CreateUser(user=user)


def test_a_user_is_required(admin: Person) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"user"}):
        admin.users.CreateUser(password=PASSWORD)


@pytest.mark.parametrize("password", ["short", "qwertyuiopasdfgh", "x" * 1025])
def test_a_password_against_the_policy_makes_no_user(admin: Person, password: str) -> None:
    email = new_email()
    with refused(INVALID_ARGUMENT, reason="PASSWORD_REJECTED", fields={"password"}):
        admin.users.CreateUser(user={"email": email}, password=password)
    assert list(admin.users.ListUsers(email=email).users) == []


def test_ones_own_name_is_no_password(admin: Person) -> None:
    user = {"email": new_email("bartholomew"), "display_name": "Bartholomew Featherstone"}
    with refused(INVALID_ARGUMENT, reason="PASSWORD_REJECTED", fields={"password"}):
        admin.users.CreateUser(user=user, password="bartholomewfeatherstone")


def test_creating_needs_a_permission_whatever_is_wrong_with_the_request(ada: Person) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
        ada.users.CreateUser(user={"email": "nonsense"})
    assert refusal.metadata == {"permission": "users.create", "path": "/users"}
