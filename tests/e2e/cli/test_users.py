"""Users at a terminal."""

import pytest

from tests.e2e.cli.conftest import PASSWORD, new_user
from tests.support.commands import Shell


def test_a_created_user_can_sign_in_and_be_shown_by_email(admin_shell: Shell, shell: Shell) -> None:
    email = new_user(admin_shell, "--display-name", "Ada Lovelace", "--attribute", "team=apollo")
    user = admin_shell.run("users", "show", email, "--json").json["user"]
    assert user["email"] == email
    assert user["displayName"] == "Ada Lovelace"
    assert user["state"] == "STATE_ACTIVE"
    assert user["attributes"] == {"team": "apollo"}
    assert shell.run("login", email, "--password-stdin", typed=PASSWORD).code == 0
    assert shell.run("users", "show", "users/me", "--json").json["user"] == user


def test_a_user_without_a_password_is_pending(admin_shell: Shell) -> None:
    answer = admin_shell.run("users", "create", "p@example.org", "--no-password", "--json").json
    assert answer["user"]["state"] == "STATE_PENDING"
    listed = admin_shell.run("users", "list", "--state", "pending").out
    assert answer["user"]["name"] in listed


def test_only_what_is_named_changes(admin_shell: Shell) -> None:
    email = new_user(
        admin_shell, "--display-name", "Ada", "--attribute", "a=1", "--attribute", "b=2"
    )
    changed = admin_shell.run(
        "users", "update", email, "--attribute", "b=3", "--without", "a", "--json"
    ).json["user"]
    assert changed["attributes"] == {"b": "3"}
    assert changed["displayName"] == "Ada"
    changed = admin_shell.run("users", "update", email, "--display-name", "", "--json").json["user"]
    assert changed["displayName"] == ""
    assert changed["attributes"] == {"b": "3"}


def test_a_stale_etag_is_refused(admin_shell: Shell, email: str) -> None:
    line = admin_shell.run("users", "suspend", email, "--etag", "stale").line
    assert "[ABORTED, ETAG_MISMATCH]: look at it again" in line


def test_suspending_ends_sessions_and_reactivating_lets_in_again(
    admin_shell: Shell, ada: Shell, email: str
) -> None:
    assert "state          suspended" in admin_shell.run("users", "suspend", email).out
    assert "SESSION_REVOKED" in ada.run("whoami").line
    assert "state          active" in admin_shell.run("users", "reactivate", email).out
    assert ada.run("login", email, "--password-stdin", typed=PASSWORD).code == 0


def test_deleting_is_asked_for_twice(admin_shell: Shell, email: str) -> None:
    asked = admin_shell.run("users", "delete", email)
    assert asked.code == 2
    assert "--yes" in asked.err
    assert "Deleted users/" in admin_shell.run("users", "delete", email, "--yes").out
    assert "nobody has the e-mail address" in admin_shell.run("users", "show", email).line


def test_a_list_takes_as_many_pages_as_it_needs(admin_shell: Shell) -> None:
    for _ in range(3):
        new_user(admin_shell)
    two = admin_shell.run("users", "list", "--limit", "2", "--json").json
    assert len(two["users"]) == 2
    rest = admin_shell.run(
        "users", "list", "--limit", "0", "--page-token", two["nextPageToken"], "--json"
    ).json
    everyone = admin_shell.run("users", "list", "--limit", "0", "--json").json
    assert rest["nextPageToken"] == everyone["nextPageToken"] == ""
    assert [*two["users"], *rest["users"]] == everyone["users"]
    told = admin_shell.run("users", "list", "--limit", "2")
    assert len(told.out.splitlines()) == 3
    assert "There are more" in told.err


def test_a_rejected_password_names_the_field_and_the_rule(admin_shell: Shell) -> None:
    line = admin_shell.run(
        "users", "create", "short@example.org", "--password-stdin", typed="short"
    ).line
    assert (
        "password: must have at least 15 characters [INVALID_ARGUMENT, PASSWORD_REJECTED]" in line
    )


def test_who_may_not_is_told_what_is_missing(ada: Shell) -> None:
    line = ada.run("users", "list").line
    assert "users.list" in line
    assert "[PERMISSION_DENIED, PERMISSION_MISSING]" in line


@pytest.mark.parametrize(
    "arguments", [["users", "show"], ["users", "suspend"], ["sessions", "list", "--user"]]
)
def test_what_names_no_user_is_answered_with_what_does(
    admin_shell: Shell, arguments: list[str]
) -> None:
    done = admin_shell.run(*arguments, "bob")
    assert done.code == 2
    assert "'bob' names nobody: say users/{id}, an e-mail address, or me" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["update", "users/me"],
        ["update", "users/me", "--attribute", "novalue"],
        ["create", "a@example.org", "--no-password", "--password-stdin"],
        ["list", "--state", "gone"],
        ["list", "--limit", "-1"],
        ["show"],
        ["vanish"],
    ],
)
def test_wrong_usage_ends_with_2(admin_shell: Shell, arguments: list[str]) -> None:
    done = admin_shell.run("users", *arguments)
    assert done.code == 2
    assert "Error: " in done.err
    assert done.out == ""
