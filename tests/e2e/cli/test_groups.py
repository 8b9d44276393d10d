"""Groups at a terminal."""

from uuid import uuid4

import pytest

from tests.e2e.cli.conftest import new_user
from tests.support.commands import Shell


@pytest.fixture
def group(admin_shell: Shell) -> str:
    """A group of its own for each test, by its id alone."""
    name = f"apollo-{uuid4().hex[:12]}"
    done = admin_shell.run("groups", "create", name, "--display-name", "Apollo")
    assert done.code == 0, done.err
    return name


def test_a_created_group_can_be_shown_changed_and_listed(admin_shell: Shell, group: str) -> None:
    shown = admin_shell.run("groups", "show", group, "--json").json["group"]
    assert (shown["name"], shown["displayName"]) == (f"groups/{group}", "Apollo")
    changed = admin_shell.run(
        "groups", "update", f"groups/{group}", "--description", "Builds it", "--json"
    ).json["group"]
    assert (changed["displayName"], changed["description"]) == ("Apollo", "Builds it")
    assert f"groups/{group}" in admin_shell.run("groups", "list", "--limit", "0").out


def test_members_are_put_in_listed_by_address_and_taken_out(
    admin_shell: Shell, group: str, email: str
) -> None:
    told = admin_shell.run("groups", "add", group, email).out
    assert told == f"{email} is in groups/{group}.\n"
    assert admin_shell.run("groups", "add", group, email).code == 0
    _, row = admin_shell.run("groups", "members", group).out.splitlines()
    assert row.split() == [user_name(admin_shell, email), email]
    assert email in admin_shell.run("users", "list", "--group", group).out
    assert admin_shell.run("groups", "remove", group, email).code == 0
    assert admin_shell.run("groups", "members", group, "--json").json["members"] == []


def test_anyone_sees_which_groups_they_are_in(
    admin_shell: Shell, ada: Shell, group: str, email: str
) -> None:
    outer = f"staff-{group}"
    assert admin_shell.run("groups", "create", outer).code == 0
    assert admin_shell.run("groups", "add", group, email).code == 0
    assert admin_shell.run("groups", "add", outer, f"groups/{group}").code == 0
    assert ada.run("groups", "of").out.splitlines() == ["GROUP", f"groups/{group}"]
    told = admin_shell.run("groups", "of", email, "--transitive", "--json").json
    assert told["memberships"] == sorted([f"groups/{group}", f"groups/{outer}"])


def test_a_group_in_itself_is_refused_with_a_way_to_look(admin_shell: Shell, group: str) -> None:
    line = admin_shell.run("groups", "add", group, f"groups/{group}").line
    assert "GROUP_CYCLE]: `gatehouse groups of GROUP --transitive` shows" in line


def test_deleting_is_asked_for_twice(admin_shell: Shell, group: str) -> None:
    assert "--yes" in admin_shell.run("groups", "delete", group).err
    told = admin_shell.run("groups", "delete", group, "--yes").out
    assert told == f"Deleted groups/{group}.\n"
    line = admin_shell.run("groups", "show", group).line
    assert "GROUP_NOT_FOUND]: `gatehouse groups list` shows which are there" in line


def test_a_stale_etag_is_refused(admin_shell: Shell, group: str) -> None:
    arguments = ["groups", "update", group, "--display-name", "x", "--etag", "stale"]
    assert "ETAG_MISMATCH" in admin_shell.run(*arguments).line


def test_a_taken_name_is_refused(admin_shell: Shell, group: str) -> None:
    assert "NAME_TAKEN]: choose another name" in admin_shell.run("groups", "create", group).line


def test_what_names_no_subject_is_answered_with_what_does(admin_shell: Shell, group: str) -> None:
    done = admin_shell.run("groups", "add", group, "bob")
    assert done.code == 2
    assert "'bob' names nobody: say users/{id}, an e-mail address, me, groups/{id}" in done.err


def test_nothing_to_change_is_wrong_usage(admin_shell: Shell, group: str) -> None:
    assert admin_shell.run("groups", "update", group).code == 2


def test_who_may_not_read_users_reads_their_names(
    admin_shell: Shell, ada: Shell, group: str, email: str
) -> None:
    another = new_user(admin_shell)
    for arguments in (
        ["groups", "add", group, another],
        ["grants", "create", f"/groups/{group}", "auditor", email],
    ):
        assert admin_shell.run(*arguments).code == 0
    _, row = ada.run("groups", "members", group).out.splitlines()
    assert row == user_name(admin_shell, another)


def user_name(shell: Shell, email: str) -> str:
    return str(shell.run("users", "show", email, "--json").json["user"]["name"])
