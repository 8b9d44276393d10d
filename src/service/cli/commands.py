"""The commands that there are.

Each is imported when it is asked for: `gatehouse --help` shall not wait for gRPC, nor `gatehouse
whoami` for SQLAlchemy. What a command needs is imported when it runs where that is much.
"""

from collections import UserDict
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from service.cli.usage import Command

# By section: the commands, where each is, and the first line of its help.
SECTIONS = {
    "On the server's machine": {
        "serve": ("serve:serve", "Serve, until told to stop by Ctrl-C or SIGTERM."),
        "worker": ("worker:worker", "Do the background work, until told to stop."),
        "migrate": ("migrate:migrate", "Bring the database's schema up to date."),
        "doctor": ("doctor:doctor", "Check all that the server needs: a line each."),
        "admin": ("admin:app", "Repair, on the server's machine, what needs no token."),
    },
    "Signing in": {
        "login": ("signin:login", "Sign in to a server."),
        "whoami": ("signin:whoami", "Show who you are signed in as."),
        "logout": ("signin:logout", "Sign out: end the session and forget its tokens."),
        "sessions": ("sessions:app", "See and end sessions: yours, or those of others."),
        "password": ("mailed:password", "Set a new password when you have forgotten yours."),
        "email": ("mailed:email", "Verify your e-mail address."),
    },
    "Who there is": {
        "users": ("users:app", "See and change who can sign in."),
        "groups": ("groups:app", "See and change groups and who is in them."),
        "service-accounts": ("service_accounts:app", "See and change the services that sign in."),
        "keys": ("keys:app", "Make, see and revoke the API keys of service accounts."),
    },
    "Who may do what": {
        "roles": ("roles:app", "See and change roles: named sets of permissions."),
        "grants": ("grants:app", "Give roles on paths, see them, and take them back."),
        "check": ("questions:check", "Say whether someone may: exit code 0 if so, 3 if not."),
        "explain": ("questions:explain", "Show why someone may, or what would change that."),
        "access": ("access:app", "List who may do something, and where someone may."),
    },
    "What there is": {
        "files": ("files:app", "Upload, download and share files."),
    },
    "What happens": {
        "events": ("events:app", "See what has happened, and watch what does."),
        "webhooks": ("webhooks:app", "Have events sent to services of your own."),
    },
}


class _Imported(UserDict[str, Any]):
    """The commands by name; one is imported when it is taken out."""

    def __getitem__(self, name: str) -> Any:
        module, _, what = self.data[name].partition(":")
        found = getattr(import_module(f"service.cli.{module}"), what)
        around = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=name)
        else:
            around.command(name, cls=Command)(found)
        return typer.main.get_group(around).commands[name]


class _Sections(TyperGroup):
    """All commands, which help lists by section."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Imported(
            {name: where for them in SECTIONS.values() for name, (where, _) in them.items()}
        )

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """What each is for stands in the table above, so that none needs to be imported."""
        widest = max(map(len, self.commands))
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(
                    [(name.ljust(widest), told) for name, (_, told) in commands.items()]
                )


app = typer.Typer(
    cls=_Sections,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help: half as high as with boxes, and examples that can be copied.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not allowed (check). Times"
    " are of this machine's zone, in JSON UTC.",
)


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
