"""Service accounts and their keys at a terminal."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.commands import Served, Shell


@pytest.fixture
def account(admin_shell: Shell) -> str:
    """A service account of its own for each test, by its id alone."""
    name = f"ci-{uuid4().hex[:12]}"
    done = admin_shell.run("service-accounts", "create", name, "--display-name", "The build")
    assert done.code == 0, done.err
    return name


@pytest.fixture
def key(admin_shell: Shell, account: str) -> str:
    """The secret of a key of it."""
    return admin_shell.run("keys", "create", account).out.strip()


@pytest.fixture
def signed_in(shell: Shell, key: str) -> Shell:
    """The terminal of the service account, signed in."""
    done = shell.run("login", "--api-key-stdin", typed=key)
    assert done.code == 0, done.err
    return shell


def test_a_created_account_can_be_shown_changed_and_listed(
    admin_shell: Shell, account: str
) -> None:
    shown = admin_shell.run("service-accounts", "show", account, "--json").json["serviceAccount"]
    assert shown["name"] == f"serviceAccounts/{account}"
    assert shown["state"] == "STATE_ACTIVE"
    update = ["service-accounts", "update", account, "--description", "Builds", "--json"]
    changed = admin_shell.run(*update).json["serviceAccount"]
    assert (changed["displayName"], changed["description"]) == ("The build", "Builds")
    assert account in admin_shell.run("service-accounts", "list", "--limit", "0").out
    assert admin_shell.run("service-accounts", "update", account).code == 2


def test_only_the_secret_of_a_new_key_stands_on_standard_output(
    admin_shell: Shell, account: str
) -> None:
    done = admin_shell.run("keys", "create", account, "--scope", "access:read", "--expires", "2h")
    [secret] = done.out.splitlines()
    assert secret.startswith("gatehouse_")
    assert f"serviceAccounts/{account}/apiKeys/" in done.err
    assert "for access:read, expires 2" in done.err
    assert secret not in done.err
    assert secret not in admin_shell.run("keys", "list", account, "--json").out


def test_a_service_signs_in_with_its_key_and_is_known(signed_in: Shell, account: str) -> None:
    me = signed_in.run("whoami", "--json").json
    assert me["subject"] == f"serviceAccounts/{account}"
    assert signed_in.run("check", "documents.read", "/").code == 3


def test_a_key_signs_in_again_when_its_token_has_expired(signed_in: Shell, key: str) -> None:
    signed_in.age_tokens()
    assert "run `gatehouse login --api-key-stdin` again" in signed_in.run("whoami").line
    assert signed_in.run("login", "--api-key-stdin", typed=key).code == 0
    assert signed_in.run("whoami").code == 0


def test_a_revoked_key_is_refused_and_so_is_what_was_got_with_it(
    admin_shell: Shell, signed_in: Shell, account: str, key: str
) -> None:
    [listed] = admin_shell.run("keys", "list", account, "--json").json["apiKeys"]
    assert key.startswith(listed["prefix"])
    revoked = admin_shell.run("keys", "revoke", listed["name"])
    assert revoked.out == f"Revoked {listed['name']}.\n"
    assert "UNAUTHENTICATED" in signed_in.run("whoami").line
    line = signed_in.run("login", "--api-key-stdin", typed=key).line
    assert "API_KEY_INVALID]: is it whole?" in line
    assert admin_shell.run("keys", "list", account).out.splitlines()[1].split()[1] == "revoked"


def test_who_is_suspended_is_refused_until_reactivated(
    admin_shell: Shell, signed_in: Shell, account: str, key: str
) -> None:
    suspended = admin_shell.run("service-accounts", "suspend", account)
    assert "state         suspended\n" in suspended.out
    assert "UNAUTHENTICATED" in signed_in.run("whoami").line
    assert (
        "state         active\n" in admin_shell.run("service-accounts", "reactivate", account).out
    )
    assert signed_in.run("login", "--api-key-stdin", typed=key).code == 0


def test_deleting_is_asked_for_twice(admin_shell: Shell, account: str) -> None:
    assert "--yes" in admin_shell.run("service-accounts", "delete", account).err
    told = admin_shell.run("service-accounts", "delete", account, "--yes").out
    assert told == f"Deleted serviceAccounts/{account}.\n"
    line = admin_shell.run("keys", "list", account).line
    assert "SERVICE_ACCOUNT_NOT_FOUND]: `gatehouse service-accounts list` shows" in line


def test_a_service_account_is_a_subject_like_any_other(
    admin_shell: Shell, signed_in: Shell, account: str
) -> None:
    subject, path = f"serviceAccounts/{account}", f"/projects/{account}"
    assert admin_shell.run("grants", "create", path, "auditor", subject).code == 0
    assert admin_shell.run("check", subject, "users.read", path).code == 0
    assert signed_in.run("check", "users.read", path).code == 0
    assert signed_in.run("check", "me", "users.read", path).code == 0


def test_an_unknown_key_says_nothing_but_that(shell: Shell) -> None:
    line = shell.run("login", "--api-key-stdin", typed="gatehouse_nonsense").line
    assert "[UNAUTHENTICATED, API_KEY_INVALID]" in line
    assert shell.token_files() == []


@pytest.mark.parametrize(
    "arguments", [[], ["ada@example.org", "--api-key-stdin"], ["--api-key-stdin"]]
)
def test_one_way_to_sign_in_has_to_be_said(
    server: Served, tmp_path: Path, arguments: list[str]
) -> None:
    done = Shell(tmp_path, GATEHOUSE_SERVER=server.address).run("login", *arguments)
    assert done.code == 2
    assert "Error: " in done.err
