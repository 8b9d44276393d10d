"""Signing in, being known, and signing out, at a terminal."""

import json
import stat

from tests.e2e.cli.conftest import PASSWORD
from tests.support.commands import Served, Shell


def test_who_signs_in_is_known_to_the_next_command(shell: Shell, email: str) -> None:
    done = shell.run("login", email, "--password-stdin", typed=f"{PASSWORD}\n")
    assert done.code == 0
    assert f"Signed in to {shell.environment['GATEHOUSE_SERVER']} as {email} (users/" in done.out
    me = shell.run("whoami", "--json").json
    assert me["subject"].startswith("users/")
    assert me["scopes"] == ["*"]
    assert me["roles"] == []


def test_without_json_people_read_the_same_facts(ada: Shell) -> None:
    me = ada.run("whoami", "--json").json
    told = ada.run("whoami").out
    assert f"subject      {me['subject']}\n" in told
    assert f"session      {me['session']}\n" in told


def test_tokens_are_for_their_owners_eyes_only(ada: Shell) -> None:
    [file] = ada.token_files()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_tokens_are_never_printed(ada: Shell) -> None:
    [file] = ada.token_files()
    kept = json.loads(file.read_text())
    for arguments in (["whoami"], ["whoami", "--json"], ["sessions", "list"], ["logout", "--json"]):
        done = ada.run(*arguments)
        assert kept["access_token"] not in done.out + done.err
        assert kept["refresh_token"] not in done.out + done.err


def test_a_wrong_password_is_refused_in_one_line(shell: Shell, email: str) -> None:
    line = shell.run("login", email, "--password-stdin", typed="wrong horse battery").line
    assert line.startswith("gatehouse: ")
    assert "[UNAUTHENTICATED, INVALID_CREDENTIALS]" in line
    assert shell.token_files() == []


def test_who_is_not_signed_in_is_told_how(shell: Shell) -> None:
    assert "run `gatehouse login EMAIL` first" in shell.run("whoami").line


def test_signing_out_ends_the_session_at_the_server_too(ada: Shell) -> None:
    [file] = ada.token_files()
    kept = file.read_text()
    assert ada.run("logout").out.startswith("Signed out of ")
    assert ada.token_files() == []
    file.write_text(kept)
    assert "[UNAUTHENTICATED, SESSION_REVOKED]" in ada.run("whoami").line


def test_signing_out_of_a_dead_session_or_of_none_is_no_error(ada: Shell) -> None:
    me = ada.run("whoami", "--json").json
    assert ada.run("sessions", "revoke", me["session"]).code == 0
    assert ada.run("logout", "--json").json == {}
    assert ada.token_files() == []
    assert "You were not signed in" in ada.run("logout").out


def test_sessions_at_two_servers_are_kept_apart(ada: Shell, server: Served) -> None:
    other = server.address.replace("127.0.0.1", "localhost")
    assert "you are not signed in" in ada.run("whoami", "--server", other).line
    assert ada.run("whoami").code == 0


def test_a_server_that_is_not_there_is_told_in_one_line(ada: Shell) -> None:
    line = ada.run("login", "a@b.c", "--password-stdin", "--server", "127.0.0.1:1", typed="x").line
    assert "127.0.0.1:1 did not answer" in line
    assert "[UNAVAILABLE]: is it running there" in line


def test_without_a_terminal_a_password_is_asked_for_on_standard_input_only(shell: Shell) -> None:
    done = shell.run("login", "ada@example.org", typed=PASSWORD)
    assert done.code == 2
    assert "--password-stdin" in done.err
