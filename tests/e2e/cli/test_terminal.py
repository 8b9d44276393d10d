"""The commands at a real terminal: hidden prompts, questions, and tables that fit."""

import re

import pytest

from tests.e2e.cli.conftest import PASSWORD
from tests.support.commands import Shell
from tests.support.terminal import Terminal


def test_a_typed_password_is_not_shown(shell: Shell, email: str) -> None:
    terminal = Terminal(shell, "login", email)
    terminal.type(PASSWORD, at=f"Password of {email}: ")
    assert terminal.end() == 0
    assert "Signed in to" in terminal.shown
    assert PASSWORD not in terminal.shown


def test_a_new_password_is_typed_twice(admin_shell: Shell) -> None:
    terminal = Terminal(admin_shell, "users", "create", "twice@example.org")
    terminal.type(PASSWORD, at="New password of twice@example.org: ")
    terminal.type("something else", at="The same again: ")
    assert terminal.end() == 2
    assert "the two passwords differ" in terminal.shown


@pytest.mark.parametrize(("said", "code"), [("n", 1), ("y", 0)])
def test_deleting_is_done_after_a_yes_only(
    admin_shell: Shell, email: str, said: str, code: int
) -> None:
    terminal = Terminal(admin_shell, "users", "delete", email)
    terminal.type(said, at="for good? [y/N]: ")
    assert terminal.end() == code
    assert admin_shell.run("users", "show", email).code == 1 - code


@pytest.mark.parametrize("columns", [80, 120, 160])
def test_sessions_can_be_told_apart_by_when_they_were_last_seen(
    shell: Shell, email: str, columns: int
) -> None:
    shell.environment["LOGNAME"] = "someone-with-a-very-long-name"
    assert shell.run("login", email, "--password-stdin", typed=PASSWORD).code == 0
    session = shell.run("whoami", "--json").json["session"]
    terminal = Terminal(shell, "sessions", "list", columns=columns)
    assert terminal.end() == 0
    plain = terminal.shown.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert session in plain
    assert re.search(r"LAST SEEN.*\n.* \d{4}-\d\d-\d\d \d\d:\d\d", plain)
    assert max(map(len, plain.splitlines())) <= columns


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_tables_fit_the_terminal_and_keep_names_whole(
    admin_shell: Shell, email: str, columns: int
) -> None:
    user = admin_shell.run("users", "show", email, "--json").json["user"]
    terminal = Terminal(admin_shell, "users", "list", "--limit", "0", columns=columns)
    assert terminal.end() == 0
    assert user["name"] in terminal.shown
    plain = terminal.shown.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert max(map(len, plain.splitlines())) <= columns
    assert ("CREATED" in plain) == (columns >= 120)


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_what_was_given_fits_the_terminal(admin_shell: Shell, email: str, columns: int) -> None:
    path = "/projects/apollo/documents/with/a/path/of/some/length"
    for subject in (email, "everyone"):
        admin_shell.run("grants", "create", path, "auditor", subject)
    assert admin_shell.run("service-accounts", "create", f"ci-{columns}").code == 0
    assert admin_shell.run("keys", "create", f"ci-{columns}").code == 0
    for arguments in (
        ["grants", "list", "--limit", "0"],
        ["roles", "list"],
        ["groups", "list"],
        ["keys", "list", f"ci-{columns}"],
        ["access", "who", "users.read", path],
        ["explain", email, "users.read", f"{path}/below"],
    ):
        terminal = Terminal(admin_shell, *arguments, columns=columns)
        assert terminal.end() == 0
        plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.shown)
        assert max(map(len, plain.splitlines())) <= columns, arguments
