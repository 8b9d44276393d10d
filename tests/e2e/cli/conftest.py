"""A server in a process of its own, and terminals beside it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.commands import Served, Shell, served

PASSWORD = "seven purple anvils sing"
ADMIN = "admin@gatehouse.local"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Any refresh token that comes twice counts as stolen here: no grace covers for a client.

    Webhooks may go to receivers on loopback.
    """
    settings = {"REFRESH_GRACE": "0s", "WEBHOOK_ALLOW_PRIVATE": "true"}
    with served(tmp_path_factory.mktemp("served") / "data", **settings) as running:
        yield running


@pytest.fixture(scope="session")
def admin_shell(server: Served, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The terminal of the first admin, signed in."""
    shell = Shell(tmp_path_factory.mktemp("admin"), GATEHOUSE_SERVER=server.address)
    done = shell.run("login", ADMIN, "--password-stdin", typed=server.password)
    assert done.code == 0, done.err
    return shell


@pytest.fixture
def shell(server: Served, tmp_path: Path) -> Shell:
    """The terminal of someone who has not signed in."""
    return Shell(tmp_path, GATEHOUSE_SERVER=server.address)


@pytest.fixture
def email(admin_shell: Shell) -> str:
    """A user of their own for each test, who can sign in with PASSWORD."""
    return new_user(admin_shell)


@pytest.fixture
def ada(shell: Shell, email: str) -> Shell:
    """The terminal of that user, signed in."""
    done = shell.run("login", email, "--password-stdin", typed=PASSWORD)
    assert done.code == 0, done.err
    return shell


@pytest.fixture
def operator(server: Served, tmp_path: Path) -> Shell:
    """The terminal of who runs the server: with its settings, and no token."""
    return Shell(tmp_path, **server.settings)


def new_user(shell: Shell, *options: str) -> str:
    email = f"ada-{uuid4().hex[:12]}@example.org"
    done = shell.run("users", "create", email, "--password-stdin", *options, typed=PASSWORD)
    assert done.code == 0, done.err
    return email
