"""Tokens refresh themselves, and never twice with the same one.

The server of these tests has no grace: whoever sends a refresh token a second time is a thief.
"""

import pytest

from tests.support.commands import Shell, finish

_AT_ONCE = 4

# The commands without their lock: where each would wait for it, all go on at the same moment.
_BROKEN = """
import fcntl, os, pathlib, time
def meet(*_):
    pathlib.Path({folder!r}, str(os.getpid())).touch()
    while len(os.listdir({folder!r})) < {count}:
        time.sleep(0.001)
fcntl.flock = meet
"""


def test_an_old_access_token_is_refreshed_on_the_way(ada: Shell) -> None:
    ada.age_tokens()
    [file] = ada.token_files()
    before = file.read_text()
    assert ada.run("whoami").code == 0
    after = file.read_text()
    assert after != before
    assert ada.run("whoami").code == 0
    assert file.read_text() == after


def test_commands_that_refresh_at_once_all_work_and_so_does_the_next(ada: Shell) -> None:
    ada.age_tokens()
    commands = [ada.start("whoami", "--json") for _ in range(_AT_ONCE)]
    assert len({finish(command).json["session"] for command in commands}) == 1
    ada.age_tokens()
    assert ada.run("whoami").code == 0


def test_without_the_lock_the_session_would_be_taken_for_stolen(
    ada: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ada.age_tokens()
    meeting = str(tmp_path_factory.mktemp("meeting"))
    broken = _BROKEN.format(folder=meeting, count=_AT_ONCE)
    commands = [ada.start("whoami", code=broken) for _ in range(_AT_ONCE)]
    ended = [finish(command) for command in commands]
    assert any("REFRESH_TOKEN_REUSED" in one.err for one in ended)


def test_a_session_that_is_over_is_told_with_what_to_do(ada: Shell, admin_shell: Shell) -> None:
    me = ada.run("whoami", "--json").json
    admin_shell.run("sessions", "revoke", "--all-of", me["subject"])
    ada.age_tokens()
    line = ada.run("whoami").line
    assert "REFRESH_TOKEN_INVALID]: run `gatehouse login EMAIL`" in line
