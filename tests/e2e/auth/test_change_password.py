"""Changing one's own password (NIST SP 800-63B-4)."""

import unicodedata

import pytest

from service.kernel import names
from service.kernel.call import Call
from tests.support.clients import Client, Credentials, Person
from tests.support.house import PASSWORD, House, new_email
from tests.support.refusals import (
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)

NEW = "eleven green lanterns hum"


def change(who: Person, new: str = NEW, current: str = PASSWORD) -> None:
    who.auth.ChangePassword(current_password=current, new_password=new)


def test_from_then_on_the_new_one_signs_in(
    gatehouse: House, anonymous: Client, ada: Person
) -> None:
    change(ada)
    gatehouse.sign_in(Credentials(ada.name, ada.email, NEW))
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        anonymous.auth.Login(email=ada.email, password=PASSWORD)


def test_the_other_sessions_end_and_the_own_stays(
    gatehouse: House, anonymous: Client, ada: Person
) -> None:
    other = gatehouse.sign_in(ada.credentials)
    change(ada)
    assert ada.auth.WhoAmI().session == ada.session
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        other.auth.WhoAmI()
    with refused(UNAUTHENTICATED, reason="REFRESH_TOKEN_INVALID"):
        anonymous.auth.RefreshToken(refresh_token=other.tokens.refresh_token)
    anonymous.auth.RefreshToken(refresh_token=ada.tokens.refresh_token)


def test_the_password_until_now_must_be_right(gatehouse: House, ada: Person) -> None:
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        change(ada, current="wrong")
    gatehouse.sign_in(ada.credentials)


def test_a_wrong_password_is_told_before_what_is_wrong_with_the_new_one(ada: Person) -> None:
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        change(ada, current="wrong", new="short")


@pytest.mark.parametrize(
    "new",
    ["vx4 kqzt mwpj", "x" * 1025, "qwertyuiopasdfgh", "passwordpassword", "adalovelaceadalovelace"],
)
def test_a_new_password_against_the_policy_changes_nothing(
    gatehouse: House, ada: Person, new: str
) -> None:
    with refused(INVALID_ARGUMENT, reason="PASSWORD_REJECTED", fields={"new_password"}):
        change(ada, new=new)
    gatehouse.sign_in(ada.credentials)


@pytest.mark.parametrize("new", [NEW * 3, (NEW * 50)[:1024], "alllowercaseandnothingelse"])
def test_long_and_plain_passwords_are_taken(gatehouse: House, ada: Person, new: str) -> None:
    change(ada, new=new)
    gatehouse.sign_in(Credentials(ada.name, ada.email, new))


def test_with_a_second_factor_eight_characters_are_enough(gatehouse: House, ada: Person) -> None:
    with refused(INVALID_ARGUMENT, reason="PASSWORD_REJECTED", fields={"new_password"}):
        change(ada, new="vx4kqztm")
    gatehouse.sql("UPDATE users SET mfa_enabled = true WHERE id = :id", id=ada.name.split("/")[1])
    change(ada, new="vx4kqztm")
    with refused(INVALID_ARGUMENT, reason="PASSWORD_REJECTED", fields={"new_password"}):
        change(ada, new="vx4kqzt", current="vx4kqztm")


def test_the_current_password_may_be_typed_with_accents_composed_otherwise(ada: Person) -> None:
    composed = unicodedata.normalize("NFC", "über façade éclair 77 xq")
    change(ada, new=composed)
    change(ada, current=unicodedata.normalize("NFD", composed))


def test_who_signs_in_without_a_password_has_none_to_change(gatehouse: House, ada: Person) -> None:
    gatehouse.sql("UPDATE users SET password_hash = NULL WHERE id = :id", id=ada.name.split("/")[1])
    with refused(FAILED_PRECONDITION, reason="NO_PASSWORD"):
        change(ada)


@pytest.mark.parametrize("field", ["current_password", "new_password"])
def test_both_passwords_are_required(ada: Person, field: str) -> None:
    given = {"current_password": PASSWORD, "new_password": NEW} | {field: ""}
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={field}):
        ada.auth.ChangePassword(**given)


def test_a_token_for_reading_changes_no_password(ada: Person) -> None:
    narrow = ada.auth.ExchangeToken(scopes=["auth:read"]).tokens.access_token
    with refused(PERMISSION_DENIED, reason="SCOPE_MISSING"):
        ada.bearing(narrow).auth.ChangePassword(current_password=PASSWORD, new_password=NEW)


def test_neither_password_is_kept_anywhere(gatehouse: House, ada: Person) -> None:
    change(ada)
    for table in ("users", "events", "changes", "sessions", "requests"):
        rows = gatehouse.sql(f"SELECT {table}::text AS it FROM {table}")
        assert not [row for row in rows if NEW in row.it or PASSWORD in row.it]


IMPORTED = {
    "bcrypt": "$2b$04$",
    "argon2": "$argon2id$",
    "pbkdf2_sha256": "$pbkdf2-sha256$",
}


@pytest.mark.parametrize("scheme", IMPORTED)
def test_an_imported_hash_signs_in_and_is_upgraded(
    gatehouse: House, anonymous: Client, ada: Person, scheme: str
) -> None:
    from passlib import hash as schemes

    cheap = {"bcrypt": {"rounds": 4}, "argon2": {"rounds": 1}, "pbkdf2_sha256": {"rounds": 10}}
    kept = getattr(schemes, scheme).using(**cheap[scheme]).hash(PASSWORD)
    assert kept.startswith(IMPORTED[scheme])
    ada_id = ada.name.split("/")[1]
    gatehouse.sql("UPDATE users SET password_hash = :it WHERE id = :id", it=kept, id=ada_id)
    with refused(UNAUTHENTICATED, reason="INVALID_CREDENTIALS"):
        anonymous.auth.Login(email=ada.email, password="wrong" * 20)
    gatehouse.sign_in(ada.credentials)
    [row] = gatehouse.sql("SELECT password_hash AS it FROM users WHERE id = :id", id=ada_id)
    assert row.it.startswith("$bcrypt-sha256$")
    gatehouse.sign_in(ada.credentials)


def test_of_who_becomes_active_by_an_operators_password_the_state_is_told(
    gatehouse: House,
) -> None:
    pending = gatehouse.admin.users.CreateUser(user={"email": new_email()}).user
    users = gatehouse.application.services.users
    user = users.get(names.user_id(pending.name))
    users.change_password(Call.internal("admin reset-password"), user, NEW, field="password")
    [told] = gatehouse.sql(
        "SELECT data FROM events WHERE subject = :it AND type = 'gatehouse.users.password_changed'",
        it=pending.name,
    )
    assert told.data == {"before": {"state": "PENDING"}, "after": {"state": "ACTIVE"}}
