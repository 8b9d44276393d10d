"""Roles at a terminal."""

from uuid import uuid4

import pytest

from tests.support.commands import Shell


@pytest.fixture
def role(admin_shell: Shell) -> str:
    """A role of its own for each test, by its id alone."""
    name = f"editor-{uuid4().hex[:12]}"
    done = admin_shell.run("roles", "create", name, "documents.*", "comments.read")
    assert done.code == 0, done.err
    return name


def permissions(shell: Shell, role: str) -> list[str]:
    return list(shell.run("roles", "show", role, "--json").json["role"]["permissions"])


def test_built_in_roles_are_listed(admin_shell: Shell) -> None:
    listed = admin_shell.run("roles", "list", "--json").json["roles"]
    assert {"name": "roles/owner", "permissions": ["*"], "builtIn": True}.items() <= next(
        one for one in listed if one["name"] == "roles/owner"
    ).items()
    rows = admin_shell.run("roles", "list").out.splitlines()
    assert any(row.startswith("roles/owner ") and row.endswith("yes") for row in rows)


def test_permissions_are_added_and_removed_and_the_others_stay(
    admin_shell: Shell, role: str
) -> None:
    changes = ["--add", "builds.start", "--add", "documents.*", "--remove", "comments.read"]
    assert admin_shell.run("roles", "update", role, *changes, "--title", "Editor").code == 0
    assert sorted(permissions(admin_shell, role)) == ["builds.start", "documents.*"]
    assert "title        Editor\n" in admin_shell.run("roles", "show", f"roles/{role}").out


def test_what_a_role_does_not_hold_cannot_be_removed(admin_shell: Shell, role: str) -> None:
    line = admin_shell.run("roles", "update", role, "--remove", "documents.read").line
    assert f"documents.read is not among the permissions of roles/{role}" in line


def test_built_in_roles_cannot_be_changed(admin_shell: Shell) -> None:
    line = admin_shell.run("roles", "update", "auditor", "--add", "documents.read").line
    assert "BUILT_IN_ROLE]: `gatehouse roles create` makes one of your own" in line


def test_a_role_that_is_granted_cannot_be_deleted(admin_shell: Shell, role: str) -> None:
    path = f"/projects/{role}"
    assert admin_shell.run("grants", "create", path, role, "everyone").code == 0
    line = admin_shell.run("roles", "delete", role, "--yes").line
    assert "ROLE_IN_USE]: `gatehouse grants list --role ROLE` shows them" in line
    assert admin_shell.run("grants", "delete", path, role, "everyone").code == 0
    told = admin_shell.run("roles", "delete", role, "--yes").out
    assert told == f"Deleted roles/{role}.\n"


def test_deleting_is_asked_for_twice(admin_shell: Shell, role: str) -> None:
    assert "--yes" in admin_shell.run("roles", "delete", role).err


@pytest.mark.parametrize("arguments", [["create", "x"], ["update", "auditor"], ["show"]])
def test_wrong_usage_ends_with_2(admin_shell: Shell, arguments: list[str]) -> None:
    assert admin_shell.run("roles", *arguments).code == 2
