"""The commands that there are.

What a command needs is imported when it runs where that is much: `gatehouse whoami` shall not wait
for SQLAlchemy.
"""

from typing import Annotated

import typer

from service.cli import admin, doctor, migrate, serve, sessions, signin, users, worker

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help: half as high as with boxes, and examples that can be copied.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong usage. Times are of this machine's"
    " zone, in JSON UTC.",
)
app.command()(serve.serve)
app.command()(worker.worker)
app.command()(migrate.migrate)
app.command()(doctor.doctor)
app.add_typer(admin.app, name="admin")
app.command()(signin.login)
app.command()(signin.whoami)
app.command()(signin.logout)
app.add_typer(users.app, name="users")
app.add_typer(sessions.app, name="sessions")


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

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
