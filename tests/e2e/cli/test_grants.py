"""Grants at a terminal."""

import time
from datetime import datetime
from uuid import uuid4

import pytest

from tests.support.commands import Shell


@pytest.fixture
def path() -> str:
    """A path of its own for each test."""
    return f"/projects/{uuid4().hex}"


def test_a_grant_is_created_listed_by_address_and_deleted_as_it_was_said(
    admin_shell: Shell, path: str, email: str
) -> None:
    created = admin_shell.run("grants", "create", path, "auditor", email)
    assert created.code == 0, created.err
    assert f"({email})" in created.out
    listed = admin_shell.run("grants", "list", "--path", path)
    assert listed.out.splitlines()[1].split()[1:6] == [
        path,
        "roles/auditor",
        email,
        "allow",
        "never",
    ]
    deleted = admin_shell.run("grants", "delete", path, "auditor", email)
    assert deleted.out.startswith("Deleted grants/")
    assert admin_shell.run("grants", "list", "--path", path, "--json").json["grants"] == []
    line = admin_shell.run("grants", "delete", path, "auditor", email).line
    assert "there is no grant of roles/auditor to users/" in line


def test_a_denial_and_an_end_are_what_was_asked_for(admin_shell: Shell, path: str) -> None:
    arguments = ["grants", "create", path, "roles/auditor", "everyone", "--deny", "--expires", "2h"]
    grant = admin_shell.run(*arguments, "--json").json["grant"]
    assert grant["effect"] == "EFFECT_DENY"
    end = datetime.fromisoformat(grant["expireTime"]).timestamp()
    assert abs(end - time.time() - 7200) < 60
    assert admin_shell.run("grants", "delete", grant["name"]).code == 0


def test_of_several_the_one_has_to_be_named(admin_shell: Shell, path: str) -> None:
    for more in ([], ["--expires", "2h"]):
        assert admin_shell.run("grants", "create", path, "auditor", "everyone", *more).code == 0
    line = admin_shell.run("grants", "delete", path, "auditor", "everyone").line
    assert "there are 2 such grants, name the one: grants/" in line


def test_lists_are_filtered_and_inherit_on_request(admin_shell: Shell, path: str) -> None:
    assert admin_shell.run("grants", "create", path, "auditor", "everyone").code == 0
    below = f"{path}/below"
    assert admin_shell.run("grants", "list", "--path", below, "--json").json["grants"] == []
    inherited = ["grants", "list", "--path", below, "--inherited", "--json"]
    grants = admin_shell.run(*inherited, "--role", "auditor").json["grants"]
    assert [one["path"] for one in grants if one["subject"] == "everyone"] == [path]
    owners = admin_shell.run(*inherited, "--role", "owner").json["grants"]
    assert {one["role"] for one in owners} == {"roles/owner"}
    of_me = admin_shell.run(*inherited, "--subject", "me", "--fully-consistent").json["grants"]
    assert {one["role"] for one in of_me} == {"roles/auditor", "roles/owner"}


def test_the_same_again_is_refused_with_the_one_that_is_there(
    admin_shell: Shell, path: str
) -> None:
    arguments = ["grants", "create", path, "auditor", "everyone"]
    name = admin_shell.run(*arguments, "--json").json["grant"]["name"]
    line = admin_shell.run(*arguments).line
    assert f"GRANT_EXISTS]: `gatehouse grants delete {name}` takes it back" in line


def test_what_is_not_there_is_refused_with_where_to_look(admin_shell: Shell, path: str) -> None:
    line = admin_shell.run("grants", "create", path, "unheard-of", "everyone").line
    assert "ROLE_NOT_FOUND]: `gatehouse roles list` shows" in line
    assert (
        "SUBJECT_NOT_FOUND"
        in admin_shell.run("grants", "create", path, "auditor", "groups/unheard-of").line
    )
    gone = "grants/01890a5d-ac96-774b-bcce-b302099a8057"
    assert "GRANT_NOT_FOUND" in admin_shell.run("grants", "delete", gone).line


def test_nobody_gives_what_they_do_not_hold(
    admin_shell: Shell, ada: Shell, path: str, email: str
) -> None:
    assert admin_shell.run("grants", "create", path, "admin", email).code == 0
    line = ada.run("grants", "create", path, "owner", "me").line
    assert "NOT_HELD]: ask someone who holds it" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "/a", "auditor"],
        ["create", "/a", "auditor", "everyone", "--expires", "soon"],
        ["create", "/a", "auditor", "bob"],
        ["delete"],
        ["delete", "/a", "auditor"],
        ["list", "--fully-consistent", "--at-least-as-fresh", "r"],
    ],
)
def test_wrong_usage_ends_with_2(admin_shell: Shell, arguments: list[str]) -> None:
    done = admin_shell.run("grants", *arguments)
    assert done.code == 2
    assert "Error: " in done.err
