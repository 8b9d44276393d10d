"""Events watched at a terminal."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGINT, SIGKILL, Signals
from uuid import uuid4

import pytest

from tests.e2e.cli.conftest import ADMIN
from tests.support.commands import Shell
from tests.support.house import PASSWORD
from tests.support.process import ServerProcess
from tests.support.waiting import wait_until

BEGUN = "Watching. Ctrl-C ends it.\n"
GOES_ON = "Going on; nothing was missed.\n"


class Watch:
    """A command that watches, from the moment on when it does."""

    def __init__(self, shell: Shell, *arguments: str, code: str = "") -> None:
        self.process: subprocess.Popen[str] = shell.start("events", "watch", *arguments, code=code)
        assert self.noted() == BEGUN

    def told(self) -> str:
        """The next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def noted(self) -> str:
        """The next note."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def end(self, signal: Signals = SIGINT) -> tuple[int, str, str]:
        """Its exit code, and what else it said."""
        self.process.send_signal(signal)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def watch() -> Iterator[Callable[..., Watch]]:
    """Starts watches, which end with the test."""
    begun: list[Watch] = []

    def begin(shell: Shell, *arguments: str, code: str = "") -> Watch:
        begun.append(Watch(shell, *arguments, code=code))
        return begun[-1]

    yield begin
    for one in begun:
        one.end(SIGKILL)


@pytest.fixture
def server_of_its_own(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that comes back at the same address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    made = ServerProcess(tmp_path / "data", GRPC_ADDRESS=address, DRAIN_GRACE="0s")
    made.start()
    yield made
    made.close()


def new_group(shell: Shell) -> str:
    name = f"apollo-{uuid4().hex[:12]}"
    assert shell.run("groups", "create", name).code == 0
    return f"groups/{name}"


def test_what_happens_is_told_a_line_each_with_people_by_address(
    admin_shell: Shell, watch: Callable[..., Watch], email: str
) -> None:
    watching = watch(admin_shell, "--type", "groups.")
    group = new_group(admin_shell)
    assert admin_shell.run("groups", "add", group, email).code == 0
    assert watching.told()[19:] == f"  groups.created          {group}  by {ADMIN}\n"
    told = f"  groups.member_added     {group}  by {ADMIN}  member={email}\n"
    assert watching.told()[19:] == told


def test_ctrl_c_ends_it_without_a_word(admin_shell: Shell, watch: Callable[..., Watch]) -> None:
    assert watch(admin_shell).end() == (130, "", "")


def test_what_fits_no_filter_is_not_told(
    admin_shell: Shell, watch: Callable[..., Watch], email: str
) -> None:
    about = watch(admin_shell, "--subject", email)
    by = watch(admin_shell, "--actor", "me", "--type", "users.")
    new_group(admin_shell)
    for name in ("Ada", "Countess Ada"):
        assert admin_shell.run("users", "update", email, "--display-name", name).code == 0
    for watching in (about, by):
        for _ in range(2):
            assert f"users.updated           {email}  by {ADMIN}" in watching.told()


def test_a_program_resumes_after_the_cursor_that_it_kept(
    admin_shell: Shell, watch: Callable[..., Watch]
) -> None:
    watching = watch(admin_shell, "--type", "groups.created", "--json")
    groups = [new_group(admin_shell) for _ in range(3)]
    assert "event" not in json.loads(watching.told())
    first = json.loads(watching.told())
    assert first["event"]["subject"] == groups[0]
    watching.end()
    resumed = watch(admin_shell, "--json", "--cursor", first["cursor"])
    assert "event" not in json.loads(resumed.told())
    assert [json.loads(resumed.told())["event"]["subject"] for _ in range(2)] == groups[1:]


def test_a_program_that_ends_before_the_first_event_has_a_cursor_to_resume_with(
    admin_shell: Shell, watch: Callable[..., Watch]
) -> None:
    watching = watch(admin_shell, "--type", "groups.created", "--json")
    kept = json.loads(watching.told())["cursor"]
    watching.end()
    group = new_group(admin_shell)
    resumed = watch(admin_shell, "--type", "groups.created", "--json", "--cursor", kept)
    resumed.told()
    assert json.loads(resumed.told())["event"]["subject"] == group


def test_a_program_is_given_cursors_that_go_on_while_nothing_it_asked_for_happens(
    admin_shell: Shell, watch: Callable[..., Watch]
) -> None:
    at_once = "from service.cli import events; events._SILENCE = 0.0"
    watching = watch(admin_shell, "--type", "users.deleted", "--json", code=at_once)
    first = json.loads(watching.told())["cursor"]
    new_group(admin_shell)
    wait_until(lambda: json.loads(watching.told())["cursor"] != first, "a later cursor")


def test_a_reader_that_has_seen_enough_is_no_error(
    admin_shell: Shell, watch: Callable[..., Watch]
) -> None:
    process = watch(admin_shell).process
    assert process.stdout is not None
    process.stdout.close()
    new_group(admin_shell)
    assert process.wait(30) == 1
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_a_session_that_is_over_ends_it_with_what_to_do(
    admin_shell: Shell, ada: Shell, email: str, watch: Callable[..., Watch]
) -> None:
    assert admin_shell.run("grants", "create", "/events", "auditor", email).code == 0
    watching = watch(ada)
    assert admin_shell.run("sessions", "revoke", "--all-of", email).code == 0
    assert "SESSION_REVOKED]: run `gatehouse login EMAIL`" in watching.noted()
    assert watching.process.wait(30) == 1


def test_a_cursor_that_is_none_is_refused_in_one_line(admin_shell: Shell) -> None:
    line = admin_shell.run("events", "watch", "--cursor", "x").line
    assert "INVALID_CURSOR]: `gatehouse events watch --json` prints one a line" in line


def test_a_cursor_of_another_database_is_refused_with_what_to_do(
    admin_shell: Shell, watch: Callable[..., Watch]
) -> None:
    watching = watch(admin_shell, "--json")
    new_group(admin_shell)
    cursor = json.loads(watching.told())["cursor"]
    another = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    line = admin_shell.run("events", "watch", "--cursor", another).line
    assert "FOREIGN_REVISION]: `gatehouse events list` shows what is there" in line


def test_a_server_that_starts_again_is_waited_for_and_nothing_is_missed(
    server_of_its_own: ServerProcess, tmp_path: Path, watch: Callable[..., Watch]
) -> None:
    shell = signed_in(server_of_its_own, tmp_path)
    watching = watch(shell, "--type", "groups.created")
    for leave in (server_of_its_own.stop, server_of_its_own.kill_server):
        groups = [new_group(shell)]
        leave()
        assert watching.noted().startswith("Cut off [")
        site = server_of_its_own.start()
        # The watch may not be back yet: what it was not told it must catch up with.
        groups += [site.admin.groups.CreateGroup(group={}).group.name for _ in range(2)]
        for name in groups:
            assert f"  {name}  by " in watching.told()
        assert watching.noted() == GOES_ON
    assert watching.end() == (130, "", "")


def signed_in(server: ServerProcess, home: Path) -> Shell:
    assert server.site is not None
    shell = Shell(home / "state", GATEHOUSE_SERVER=server.site.address)
    assert shell.run("login", ADMIN, "--password-stdin", typed=PASSWORD).code == 0
    return shell
