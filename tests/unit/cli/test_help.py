"""The command line as one meets it."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from service.cli.commands import app

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


def test_these_are_the_commands() -> None:
    assert {" ".join(path) for path in EVERY} == COMMANDS


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_is_explained_with_examples_in_80_columns(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    assert f"    gatehouse {' '.join(path)}" in done.output
    assert max(map(len, done.output.splitlines())) <= 90  # examples may stand out a little
    assert "--json" in done.output or path in {("serve",), ("worker",)}


@pytest.mark.parametrize("path", [(), ("users",), ("sessions",), ("admin",)], ids=" ".join)
def test_a_group_without_a_command_shows_its_help(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, path)
    assert done.exit_code == 2
    assert "Commands:" in done.output


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"gatehouse {version('gatehouse')}\n"


def test_no_password_is_an_argument() -> None:
    for path in EVERY:
        command = typer.main.get_command(app)
        for name in path:
            command = command.commands[name]  # type: ignore[attr-defined]
        assert not any(
            "password" in parameter.name and not parameter.is_flag  # type: ignore[attr-defined]
            for parameter in command.params
        )


def test_a_client_command_waits_for_nothing_of_the_service() -> None:
    said = "import sys; import service.cli.commands; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert not imported & HEAVY
