"""`gatehouse password …` and `gatehouse email …`, with the mail that a server of its own writes."""

from pathlib import Path

import pytest

from tests.e2e.cli.conftest import PASSWORD
from tests.support.commands import Served, Shell
from tests.support.mailbox import Mailbox, token_in
from tests.support.terminal import Terminal

NEW = "eleven green lanterns hum"


@pytest.fixture
def mailbox(server: Served) -> Mailbox:
    return Mailbox(Path(server.data_dir) / "mail")


def test_a_forgotten_password_is_set_anew(shell: Shell, email: str, mailbox: Mailbox) -> None:
    asked = shell.run("password", "forgot", email)
    assert asked.out.startswith(f"If {email} has an account, a mail is on its way to it.")
    token = token_in(mailbox.next_to(email))
    done = shell.run("password", "reset", "--stdin", typed=f"{token}\n{NEW}\n")
    assert done.out == "You have a new password, and all your sessions have ended.\n"
    assert shell.run("login", email, "--password-stdin", typed=NEW).code == 0
    assert shell.run("login", email, "--password-stdin", typed=PASSWORD).code == 1


def test_the_answer_is_the_same_for_an_address_that_nobody_has(shell: Shell) -> None:
    asked = shell.run("password", "forgot", "nobody@example.org")
    assert asked.code == 0
    assert asked.out.startswith("If nobody@example.org has an account, ")


def test_at_a_terminal_token_and_password_are_asked_for_and_not_shown(
    shell: Shell, email: str, mailbox: Mailbox
) -> None:
    shell.run("password", "forgot", email)
    token = token_in(mailbox.next_to(email))
    terminal = Terminal(shell, "password", "reset")
    terminal.type(token, at="Token from the mail: ")
    terminal.type(NEW, at="New password: ")
    terminal.type(NEW, at="The same again: ")
    assert terminal.end() == 0
    assert token not in terminal.shown
    assert NEW not in terminal.shown


def test_a_wrong_token_is_told_with_what_to_do(shell: Shell) -> None:
    done = shell.run("password", "reset", "--stdin", typed=f"wrong\n{NEW}\n")
    assert "UNAUTHENTICATED, MAILED_TOKEN_INVALID" in done.line
    assert "`password forgot`" in done.line


def test_an_address_is_verified(ada: Shell, email: str, mailbox: Mailbox) -> None:
    assert ada.run("email", "request").code == 0
    token = token_in(mailbox.next_to(email))
    assert ada.run("email", "verify", "--stdin", typed=token).code == 0
    assert ada.run("users", "show", "me", "--json").json["user"]["emailVerified"] is True


def test_without_a_terminal_a_token_is_taken_from_standard_input_alone(shell: Shell) -> None:
    done = shell.run("email", "verify")
    assert done.code == 2
    assert "there is no terminal to ask at: use --stdin" in done.err
