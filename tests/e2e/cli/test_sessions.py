"""Sessions at a terminal."""

from pathlib import Path

from tests.e2e.cli.conftest import PASSWORD
from tests.support.commands import Shell


def test_the_session_of_this_command_is_marked(ada: Shell, email: str, tmp_path: Path) -> None:
    elsewhere = Shell(tmp_path / "elsewhere", GATEHOUSE_SERVER=ada.environment["GATEHOUSE_SERVER"])
    assert elsewhere.run("login", email, "--password-stdin", typed=PASSWORD).code == 0
    here = ada.run("whoami", "--json").json["session"]
    lines = ada.run("sessions", "list").out.splitlines()
    assert len(lines) == 3
    [marked] = [line for line in lines if "(this one)" in line]
    assert marked.startswith(here)


def test_an_ended_session_is_refused_at_once(ada: Shell, email: str, tmp_path: Path) -> None:
    elsewhere = Shell(tmp_path / "elsewhere", GATEHOUSE_SERVER=ada.environment["GATEHOUSE_SERVER"])
    elsewhere.run("login", email, "--password-stdin", typed=PASSWORD)
    there = elsewhere.run("whoami", "--json").json["session"]
    assert ada.run("sessions", "revoke", there).out == f"Ended {there}.\n"
    assert "SESSION_REVOKED" in elsewhere.run("whoami").line
    assert ada.run("whoami").code == 0


def test_all_sessions_of_someone_end_at_once(admin_shell: Shell, ada: Shell, email: str) -> None:
    answer = admin_shell.run("sessions", "revoke", "--all-of", email, "--json").json
    assert answer == {"revokedCount": 1}
    assert "SESSION_REVOKED" in ada.run("whoami").line
    assert admin_shell.run("sessions", "list", "--user", email, "--json").json["sessions"] == []


def test_revoking_takes_a_session_or_a_user_and_not_both(ada: Shell) -> None:
    assert ada.run("sessions", "revoke").code == 2
    assert ada.run("sessions", "revoke", "sessions/x", "--all-of", "users/me").code == 2
