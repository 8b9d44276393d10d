"""The command line as one meets it."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from service.cli.commands import SECTIONS, app

COMMANDS = {
    "serve",
    "worker",
    "migrate",
    "doctor",
    "admin reset-password",
    "login",
    "whoami",
    "logout",
    "users list",
    "users create",
    "users show",
    "users update",
    "users suspend",
    "users reactivate",
    "users delete",
    "sessions list",
    "sessions revoke",
    "password forgot",
    "password reset",
    "email request",
    "email verify",
    "groups list",
    "groups create",
    "groups show",
    "groups update",
    "groups delete",
    "groups add",
    "groups remove",
    "groups members",
    "groups of",
    "service-accounts list",
    "service-accounts create",
    "service-accounts show",
    "service-accounts update",
    "service-accounts suspend",
    "service-accounts reactivate",
    "service-accounts delete",
    "keys list",
    "keys create",
    "keys revoke",
    "roles list",
    "roles create",
    "roles show",
    "roles update",
    "roles delete",
    "grants list",
    "grants create",
    "grants delete",
    "check",
    "explain",
    "access who",
    "access where",
    "files put",
    "files get",
    "files ls",
    "files show",
    "files mv",
    "files rm",
    "files share",
    "events list",
    "events watch",
    "webhooks list",
    "webhooks create",
    "webhooks show",
    "webhooks update",
    "webhooks delete",
    "webhooks rotate-secret",
    "webhooks ping",
    "webhooks deliveries",
    "webhooks redeliver",
}
# Of the service alone, and slow to import.
HEAVY = {"sqlalchemy", "alembic", "psycopg", "redis", "structlog", "zxcvbn", "passlib", "obstore"}


def commands(group: Any, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


EVERY = list(commands(typer.main.get_command(app)))
LINES = {name: line for them in SECTIONS.values() for name, (_, line) in them.items()}


def test_these_are_the_commands() -> None:
    assert {" ".join(path) for path in EVERY} == COMMANDS


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_is_explained_with_examples_in_80_columns(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    assert f"    gatehouse {' '.join(path)}" in done.output
    assert max(map(len, done.output.splitlines())) <= 90  # examples may stand out a little
    assert "--json" in done.output or path in {("serve",), ("worker",)}


@pytest.mark.parametrize("group", sorted({path[0] for path in EVERY if len(path) > 1}))
def test_a_group_without_a_command_shows_its_help(group: str) -> None:
    done = CliRunner().invoke(app, [group])
    assert done.exit_code == 2
    assert "Commands:" in done.output


def test_without_any_word_all_commands_are_shown_by_section() -> None:
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 2
    for section, them in SECTIONS.items():
        assert f"{section}:" in done.output
        for name, (_, line) in them.items():
            assert f"  {name:16}  {line}\n" in done.output


@pytest.mark.parametrize("name", LINES)
def test_a_command_and_the_list_of_all_say_the_same_of_it(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert command.get_short_help_str(100) == LINES[name]


@pytest.mark.parametrize(
    ("path", "usage"),
    [
        (["check"], "[SUBJECT] PERMISSION PATH"),
        (["grants", "create"], "PATH ROLE SUBJECT"),
        (["grants", "delete"], "GRANT | PATH ROLE SUBJECT"),
        (["roles", "create"], "ROLE PERMISSION..."),
        (["groups", "create"], "[GROUP]"),
        (["login"], "[EMAIL]"),
        (["files", "get"], "NAME [LOCAL]"),
        (["files", "rm"], "NAME..."),
    ],
)
def test_usage_reads_as_manuals_write_it(path: list[str], usage: str) -> None:
    done = CliRunner().invoke(app, [*path, "--help"])
    assert f" {' '.join(path)} [OPTIONS] {usage}\n" in done.output


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant() -> None:
    assert "Did you mean 'groups'?" in CliRunner().invoke(app, ["group"]).output


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"gatehouse {version('gatehouse')}\n"


def test_nothing_secret_is_an_argument() -> None:
    for path in EVERY:
        command = typer.main.get_command(app)
        for name in path:
            command = command.commands[name]  # type: ignore[attr-defined]
        assert not any(
            word in parameter.name and not getattr(parameter, "is_flag", False)
            for parameter in command.params  # type: ignore[attr-defined]
            for word in ("password", "secret", "api_key")
        )


def test_the_list_of_commands_waits_for_none_of_them() -> None:
    assert not imported_by("--help") & (HEAVY | {"grpc", "google", "gatehouse", "rich"})


def test_a_client_command_waits_for_nothing_of_the_service() -> None:
    imported = imported_by("whoami", "--help")
    assert "grpc" in imported
    assert not imported & HEAVY


def imported_by(*arguments: str) -> set[str]:
    code = "import sys; from service.cli.main import main; main()"
    traced = [sys.executable, "-X", "importtime", "-c", code, *arguments]
    done = subprocess.run(traced, capture_output=True, text=True, check=True)
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    return {name.partition(".")[0] for name in names}
