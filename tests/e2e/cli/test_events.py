"""Events at a terminal."""

import re
from datetime import datetime
from uuid import uuid4

import pytest

from tests.e2e.cli.conftest import ADMIN
from tests.support.commands import Shell
from tests.support.terminal import Terminal


@pytest.fixture
def group(admin_shell: Shell, email: str) -> str:
    """A group to which something has happened: it was created, and someone was put in."""
    name = f"apollo-{uuid4().hex[:12]}"
    for arguments in (["create", name], ["add", name, email]):
        assert admin_shell.run("groups", *arguments).code == 0
    return name


def types(shell: Shell, *arguments: str) -> list[str]:
    events = shell.run("events", "list", *arguments, "--json").json["events"]
    return [one["type"].removeprefix("gatehouse.") for one in events]


def test_what_happened_is_listed_newest_first_with_people_by_address(
    admin_shell: Shell, group: str, email: str
) -> None:
    done = admin_shell.run("events", "list", "--subject", f"groups/{group}")
    titles, *rows = done.out.splitlines()
    assert titles.split() == ["TIME", "TYPE", "SUBJECT", "ACTOR", "CHANGED", "FROM", "ID"]
    last, first = (re.split(" {2,}", row) for row in rows)
    assert last[1:6] == [
        "groups.member_added",
        f"groups/{group}",
        ADMIN,
        f"member={email}",
        "127.0.0.1",
    ]
    assert first[1] == "groups.created"
    assert datetime.fromisoformat(first[0]) <= datetime.fromisoformat(last[0])


def test_programs_get_all_of_it(admin_shell: Shell, group: str) -> None:
    subject = ["--subject", f"groups/{group}"]
    [last, _] = admin_shell.run("events", "list", *subject, "--json").json["events"]
    assert last["type"] == "gatehouse.groups.member_added"
    assert last["data"]["member"].startswith("users/")
    assert last["peerAddress"] == "127.0.0.1"


def test_a_type_is_pasted_as_it_is_shown_or_whole(admin_shell: Shell, group: str) -> None:
    about = ["--subject", f"groups/{group}"]
    for given in ("groups.member_added", "gatehouse.groups.member_added", "groups.m"):
        assert types(admin_shell, *about, "--type", given) == ["groups.member_added"]
    assert types(admin_shell, *about, "--type", "users.") == []


def test_subjects_and_actors_may_be_addresses(
    admin_shell: Shell, ada: Shell, email: str, group: str
) -> None:
    assert types(admin_shell, "--subject", email) == ["auth.sign_in", "users.created"]
    assert ada.run("users", "update", "me", "--display-name", "Ada").code == 0
    assert types(admin_shell, "--actor", email) == ["users.updated"]
    assert types(admin_shell, "--actor", "me", "--limit", "2")[0] == "groups.member_added"


def test_a_file_is_a_subject_whatever_its_name(admin_shell: Shell, email: str) -> None:
    name = f"files/of/{email}"
    assert finish_put(admin_shell, name) == 0
    assert types(admin_shell, "--subject", name) == ["files.uploaded"]


def test_times_are_so_long_ago_or_pasted_as_they_are_shown(admin_shell: Shell, group: str) -> None:
    about = ["--subject", f"groups/{group}"]
    assert len(types(admin_shell, *about, "--since", "5m")) == 2
    assert types(admin_shell, *about, "--until", "5m") == []
    row = admin_shell.run("events", "list", *about).out.splitlines()[-1]
    assert len(types(admin_shell, *about, "--since", row[:19])) == 2
    assert types(admin_shell, *about, "--until", row[:19]) == []


def test_a_limit_leaves_a_token_to_go_on_with(admin_shell: Shell, group: str) -> None:
    about = ["events", "list", "--subject", f"groups/{group}", "--limit", "1"]
    done = admin_shell.run(*about)
    assert len(done.out.splitlines()) == 2
    assert done.err == "There are more: --limit 0 lists all.\n"
    token = admin_shell.run(*about, "--json").json["nextPageToken"]
    rest = admin_shell.run(*about, "--page-token", token, "--json").json
    assert [one["type"] for one in rest["events"]] == ["gatehouse.groups.created"]
    assert rest["nextPageToken"] == ""


def test_one_who_is_gone_is_named_and_the_others_keep_their_addresses(
    admin_shell: Shell, email: str
) -> None:
    name = admin_shell.run("users", "show", email, "--json").json["user"]["name"]
    assert admin_shell.run("users", "delete", email, "--yes").code == 0
    done = admin_shell.run("events", "list", "--subject", name)
    last, first = (re.split(" {2,}", row) for row in done.out.splitlines()[1:])
    assert last[1:4] == ["users.deleted", name, ADMIN]
    assert first[1:4] == ["users.created", name, ADMIN]


def test_who_may_not_is_told_what_would_allow_it(ada: Shell) -> None:
    for command in ("list", "watch"):
        line = ada.run("events", command).line
        assert f"PERMISSION_MISSING]: `gatehouse explain events.{command} /events` shows" in line


@pytest.mark.parametrize(
    "arguments",
    [["--subject", "bob"], ["--actor", "bob"], ["--since", "soon"], ["--until", "-2h"]],
)
def test_wrong_usage_ends_with_2(admin_shell: Shell, arguments: list[str]) -> None:
    done = admin_shell.run("events", "list", *arguments)
    assert done.code == 2
    assert "Error: " in done.err


@pytest.mark.parametrize("columns", [80, 100, 140, 180])
def test_the_table_fits_the_terminal(admin_shell: Shell, group: str, columns: int) -> None:
    terminal = Terminal(admin_shell, "events", "list", columns=columns)
    assert terminal.end() == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.shown)
    assert max(map(len, plain.splitlines())) <= columns
    assert ("CHANGED" in plain) == (columns >= 100)


def finish_put(shell: Shell, name: str) -> int:
    return shell.run("files", "put", "-", name, typed="x").code
