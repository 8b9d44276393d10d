"""Who may, why and where, asked at a terminal."""

import shlex
from uuid import uuid4

import pytest

from tests.support.commands import Shell


@pytest.fixture
def path() -> str:
    """A path of its own for each test."""
    return f"/projects/{uuid4().hex}"


@pytest.fixture
def granted(admin_shell: Shell, path: str, email: str) -> str:
    """A path on which the user reads users, as auditors do."""
    assert admin_shell.run("grants", "create", path, "auditor", email).code == 0
    return path


def test_a_yes_is_0_and_a_no_is_3(admin_shell: Shell, granted: str, email: str) -> None:
    done = admin_shell.run("check", email, "users.read", f"{granted}/below")
    assert (done.code, done.out, done.err) == (0, "allowed\n", "")
    done = admin_shell.run("check", email, "users.delete", granted)
    assert (done.code, done.out, done.err) == (3, "not allowed\n", "")
    done = admin_shell.run("check", email, "users.delete", granted, "--json")
    assert done.code == 3
    assert '"allowed": false' in done.out


def test_no_answer_is_neither(admin_shell: Shell, ada: Shell, granted: str, email: str) -> None:
    assert admin_shell.run("check", email, "nonsense", granted).code == 1
    assert admin_shell.run("check", granted).code == 2
    assert admin_shell.run("check", "", "users.read", granted).code == 2
    assert "PERMISSION_MISSING" in ada.run("check", "everyone", "users.read", "/").line


def test_everyone_may_ask_about_themselves(ada: Shell, granted: str) -> None:
    assert ada.run("check", "users.read", granted).code == 0
    assert ada.run("check", "me", "users.read", granted).code == 0
    assert ada.run("explain", "users.read", granted).code == 0
    assert granted in ada.run("access", "where", "users.read").out


def test_an_answer_is_as_fresh_as_it_is_asked_to_be(
    admin_shell: Shell, path: str, email: str
) -> None:
    arguments = ["grants", "create", path, "auditor", email, "--json"]
    revision = admin_shell.run(*arguments).json["revision"]
    question = ["check", email, "users.read", path]
    assert admin_shell.run(*question, "--at-least-as-fresh", revision).code == 0
    assert admin_shell.run(*question, "--fully-consistent").code == 0
    assert admin_shell.run(*question, "--fully-consistent", "--at-least-as-fresh", "x").code == 2


def test_a_yes_is_explained_by_the_grant_behind_it(
    admin_shell: Shell, granted: str, email: str
) -> None:
    head, role, grant = admin_shell.run("explain", email, "users.read", granted).out.splitlines()
    assert head == f"allowed: users.read on {granted} for {email}"
    assert role.startswith("└── roles/auditor allows ")
    assert role.endswith(f" on {granted}")
    assert grant.startswith("    └── grants/")


def test_the_command_that_a_no_ends_with_makes_it_a_yes(
    admin_shell: Shell, path: str, email: str
) -> None:
    question = [email, "users.list", path]
    told = admin_shell.run("explain", *question).out.splitlines()
    assert told[:2] == [f"not allowed: users.list on {path} for {email}", "└── no grant applies"]
    program, *command = shlex.split(told[-1])
    assert (program, command[0], command[-1]) == ("gatehouse", "grants", email)
    assert admin_shell.run(*command).code == 0
    assert admin_shell.run("check", *question).code == 0


def test_the_command_that_a_denial_ends_with_takes_it_back(
    admin_shell: Shell, granted: str, email: str
) -> None:
    below = f"{granted}/below"
    assert admin_shell.run("grants", "create", below, "auditor", email, "--deny").code == 0
    told = admin_shell.run("explain", email, "users.read", below).out.splitlines()
    assert "roles/auditor denies" in told[1]
    assert told[3].endswith(", overruled")
    assert admin_shell.run(*shlex.split(told[-1])[1:]).code == 0
    assert admin_shell.run("check", email, "users.read", below).code == 0


def test_who_is_suspended_is_told_as_that(admin_shell: Shell, granted: str, email: str) -> None:
    assert admin_shell.run("users", "suspend", email).code == 0
    told = admin_shell.run("explain", email, "users.read", granted).out
    assert "suspended" in told
    assert "gatehouse grants" not in told


def test_who_and_where_say_what_is_denied(admin_shell: Shell, granted: str, email: str) -> None:
    below = f"{granted}/below"
    assert admin_shell.run("grants", "create", granted, "auditor", "everyone").code == 0
    assert admin_shell.run("grants", "create", below, "auditor", email, "--deny").code == 0
    rows = admin_shell.run("access", "who", "users.list", below).out.splitlines()
    assert ["everyone", "allowed"] in [row.split() for row in rows]
    assert [email, "denied"] in [row.split()[1:] for row in rows]
    where = admin_shell.run(
        "access", "where", email, "users.list", "--under", granted
    ).out.splitlines()
    assert [row.split() for row in where[1:]] == [[granted, "allowed"], [below, "denied"]]


def test_documents_are_the_answers_of_the_server(
    admin_shell: Shell, granted: str, email: str
) -> None:
    explained = admin_shell.run("explain", email, "users.read", granted, "--json").json
    assert explained["allowed"] is True
    assert explained["steps"][0]["role"] == "roles/auditor"
    who = admin_shell.run("access", "who", "users.read", granted, "--expand-groups", "--json").json
    assert all(not one.startswith("groups/") for one in who["subjects"])
    where = admin_shell.run("access", "where", email, "users.read", "--json").json
    assert granted in where["paths"]
