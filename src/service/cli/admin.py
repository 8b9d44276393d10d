"""`gatehouse admin …`: for who has the server's machine and settings, and needs no token."""

from typing import Annotated

import typer

from service.cli.usage import Commands

app = Commands("Repair, on the server's machine, what needs no token.")

_GENERATED_BYTES = 18


@app.callback()
def _group() -> None:
    """Makes `admin` a group even while it has one command."""


@app.command("reset-password")
def reset_password(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whose password.")],
    generate: Annotated[
        bool, typer.Option("--generate", help="Make a password up and print it.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print user and password as JSON.")] = (
        False
    ),
) -> None:
    """Give a user a new password and end all of their sessions.

    Works with the server's settings, whether or not the server is running; running servers refuse
    the ended sessions within a second.

    \b
    Examples:
      gatehouse admin reset-password ada@example.com
      gatehouse admin reset-password ada@example.com --generate
    """
    import secrets

    from service.cli.failure import Failed
    from service.cli.operator import at_hand, read_settings, repairable_as_failed
    from service.cli.passwords import read_password
    from service.cli.screen import Screen
    from service.kernel.call import Call

    if generate and password_stdin:
        raise typer.BadParameter("--generate and --password-stdin exclude each other")
    with repairable_as_failed():
        settings = read_settings()
        if generate:
            password = secrets.token_urlsafe(_GENERATED_BYTES)
        else:
            password = read_password(
                f"New password of {email}", from_stdin=password_stdin, twice=True
            )
        with at_hand(settings) as service:
            service.feed.read()  # which sets the clock
            user = service.users.find_by_email(email)
            if user is None:
                raise Failed(f"nobody has the e-mail address {email}")
            call = Call.internal("admin reset-password")
            service.users.change_password(call, user, password, field="password")
            user = service.users.get(user.id)
    answer = {"user": user.subject, "state": user.state.lower()}
    if generate:
        answer["password"] = password
    told = f"{email} has {f'the new password {password}' if generate else 'a new password'}"
    screen = Screen(as_json=as_json)
    screen.answer(answer, f"{told}, and all their sessions have ended.")
    if answer["state"] == "suspended":
        screen.note("They stay suspended: `gatehouse users reactivate` lets them in again.")
