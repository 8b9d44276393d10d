"""The `gatehouse` command: it runs the service, and is a client of it like any other.

What a command needs is imported when it runs where that is much: `gatehouse whoami` shall not wait
for SQLAlchemy.
"""

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from service.cli import serve, signin, users
from service.cli.failure import Failed

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_SERVICE = "The service"
_PEOPLE = "For people"
app.command(rich_help_panel=_SERVICE)(serve.serve)
app.command(rich_help_panel=_PEOPLE)(signin.login)
app.command(rich_help_panel=_PEOPLE)(signin.whoami)
app.command(rich_help_panel=_PEOPLE)(signin.logout)
app.add_typer(users.app, name="users", rich_help_panel=_PEOPLE)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"gatehouse {version('gatehouse')}")
        raise typer.Exit


@app.callback()
def gatehouse(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Identity and access for a company's services, over gRPC."""


def main() -> None:
    """Runs the command. Exit codes: 0 done, 1 refused or failed, 2 wrong usage."""
    # gRPC logs for its own developers what we say in our words.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        app(prog_name="gatehouse")
    except Failed as failure:
        sys.stdout.flush()
        print(f"gatehouse: {failure}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has seen enough, such as `head`; say nothing at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
