"""Updating users: masks, etags, and what people may change of themselves."""

import pytest

from tests.support.clients import Person
from tests.support.house import House, new_email
from tests.support.refusals import (
    ABORTED,
    ALREADY_EXISTS,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    refused,
)

NOBODY = "users/0190a5b4-0000-7000-8000-000000000000"


def mask(*paths: str) -> dict[str, list[str]]:
    return {"paths": list(paths)}


def test_attributes_stay_small_enough_for_a_page_of_users(admin: Person, ada: Person) -> None:
    many = {f"k{n}": "x" * 1000 for n in range(17)}
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"user.attributes"}):
        admin.users.UpdateUser(user={"name": ada.name, "attributes": many})
    many.popitem()
    admin.users.UpdateUser(user={"name": ada.name, "attributes": many})


def test_a_mask_changes_what_it_names_and_nothing_else(admin: Person, ada: Person) -> None:
    before = admin.users.GetUser(name=ada.name).user
    wanted = {"name": ada.name, "display_name": "Countess", "email": new_email()}
    after = admin.users.UpdateUser(user=wanted, update_mask=mask("display_name")).user
    assert (after.display_name, after.email) == ("Countess", before.email)
    assert after.etag != before.etag
    assert after.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()
    assert admin.users.GetUser(name=ada.name).user == after


def test_without_a_mask_what_is_set_is_changed(admin: Person, ada: Person) -> None:
    user = {"name": ada.name, "attributes": {"team": "x"}}
    after = admin.users.UpdateUser(user=user).user
    assert (dict(after.attributes), after.display_name) == ({"team": "x"}, "Ada Lovelace")


def test_a_named_field_that_is_not_set_is_cleared(admin: Person, ada: Person) -> None:
    after = admin.users.UpdateUser(user={"name": ada.name}, update_mask=mask("display_name")).user
    assert after.display_name == ""


def test_a_star_replaces_all_that_can_be_changed(admin: Person, ada: Person) -> None:
    user = {"name": ada.name, "email": new_email(), "state": "STATE_SUSPENDED"}
    after = admin.users.UpdateUser(user=user, update_mask=mask("*")).user
    assert (after.email, after.display_name, dict(after.attributes)) == (user["email"], "", {})
    assert after.state == after.STATE_ACTIVE


def test_attributes_are_replaced_as_a_whole(admin: Person, ada: Person) -> None:
    admin.users.UpdateUser(user={"name": ada.name, "attributes": {"a": "1", "b": "2"}})
    after = admin.users.UpdateUser(user={"name": ada.name, "attributes": {"b": "3"}}).user
    assert dict(after.attributes) == {"b": "3"}


@pytest.mark.parametrize("path", ["state", "name", "mfa_enabled", "etag", "nonsense", "user.email"])
def test_a_mask_may_name_only_what_can_be_changed(admin: Person, ada: Person, path: str) -> None:
    user = {"name": ada.name, "display_name": "x"}
    with refused(INVALID_ARGUMENT, reason="INVALID_UPDATE_MASK", fields={"update_mask"}):
        admin.users.UpdateUser(user=user, update_mask=mask("display_name", path))


@pytest.mark.parametrize("path", ["email", "*"])
def test_an_email_cannot_be_taken_away(admin: Person, ada: Person, path: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"user.email"}):
        admin.users.UpdateUser(user={"name": ada.name}, update_mask=mask(path))


def test_an_update_that_changes_nothing_leaves_the_etag(admin: Person, ada: Person) -> None:
    before = admin.users.GetUser(name=ada.name).user
    after = admin.users.UpdateUser(user=before).user
    assert after == before


def test_a_stale_etag_is_aborted_and_changes_nothing(admin: Person, ada: Person) -> None:
    stale = admin.users.GetUser(name=ada.name).user.etag
    current = admin.users.UpdateUser(user={"name": ada.name, "display_name": "1"}).user
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.users.UpdateUser(user={"name": ada.name, "display_name": "2", "etag": stale})
    assert admin.users.GetUser(name=ada.name).user == current


def test_the_current_etag_passes(admin: Person, ada: Person) -> None:
    etag = admin.users.GetUser(name=ada.name).user.etag
    user = {"name": ada.name, "display_name": "1", "etag": etag}
    assert admin.users.UpdateUser(user=user).user.display_name == "1"


@pytest.mark.parametrize("rpc", ["SuspendUser", "ReactivateUser", "DeleteUser"])
def test_every_change_of_a_user_minds_a_stale_etag(admin: Person, ada: Person, rpc: str) -> None:
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        getattr(admin.users, rpc)(name=ada.name, etag="stale")
    assert ada.auth.WhoAmI().subject == ada.name


def test_a_changed_email_signs_in_and_is_unverified(
    gatehouse: House, admin: Person, ada: Person
) -> None:
    gatehouse.sql(
        "UPDATE users SET email_verified = true WHERE id = :id", id=ada.name.split("/")[1]
    )
    assert admin.users.GetUser(name=ada.name).user.email_verified
    ada.credentials.email = new_email()
    after = admin.users.UpdateUser(user={"name": ada.name, "email": ada.credentials.email}).user
    assert not after.email_verified
    assert gatehouse.sign_in(ada.credentials).name == ada.name


def test_an_email_of_another_is_taken(admin: Person, ada: Person, bob: Person) -> None:
    with refused(ALREADY_EXISTS, reason="EMAIL_TAKEN"):
        admin.users.UpdateUser(user={"name": ada.name, "email": bob.email.upper()})


def test_one_may_write_ones_own_email_differently(admin: Person, ada: Person) -> None:
    user = {"name": ada.name, "email": ada.email.upper()}
    assert admin.users.UpdateUser(user=user).user.email == ada.email.upper()


@pytest.mark.parametrize("name", ["", "users/", "users/x", "sessions/1", "users/me/x", "groups/1"])
def test_a_name_that_is_none_is_refused(admin: Person, name: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS"):
        admin.users.UpdateUser(user={"name": name, "display_name": "x"})


def test_who_is_not_there_is_not_found(admin: Person) -> None:
    with refused(NOT_FOUND, reason="USER_NOT_FOUND") as refusal:
        admin.users.UpdateUser(user={"name": NOBODY, "display_name": "x"})
    assert refusal.resource == ("gatehouse.users.v1.User", NOBODY)


@pytest.mark.parametrize("name", ["users/me", "own"])
def test_people_change_their_own_display_name(ada: Person, name: str) -> None:
    user = {"name": ada.name if name == "own" else name, "display_name": "Augusta"}
    assert ada.users.UpdateUser(user=user).user.display_name == "Augusta"


@pytest.mark.parametrize("fields", [{"email": "new@example.org"}, {"attributes": {"team": "root"}}])
def test_what_others_rely_on_people_do_not_change_themselves(
    ada: Person, fields: dict[str, object]
) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
        ada.users.UpdateUser(user={"name": ada.name, "display_name": "x", **fields})
    assert refusal.metadata["permission"] == "users.manage"
    assert ada.users.GetUser(name="users/me").user.display_name == "Ada Lovelace"


@pytest.mark.parametrize("path", ["email", "attributes", "*"])
def test_nor_do_they_by_a_mask(ada: Person, path: str) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.users.UpdateUser(user={"name": ada.name}, update_mask=mask(path))


def test_people_do_not_change_others(ada: Person, bob: Person) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.users.UpdateUser(user={"name": bob.name, "display_name": "x"})
