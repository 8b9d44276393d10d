"""Passwords, keys and tokens come from a hidden prompt or standard input, never from an argument.

Arguments stand in the shell's history, and every user of the machine may read them.
"""

import sys
from getpass import getpass

import typer


def read_password(question: str, *, from_stdin: bool, twice: bool = False) -> str:
    """The password: the first line of standard input, or what is typed at the terminal.

    Refused as wrong usage when there is no terminal, nothing was given, or the two differ.
    """
    if from_stdin:
        return read_secret("password")
    if sys.stdin.isatty():
        given = getpass(f"{question}: ", sys.stderr)
        if twice and given != getpass("The same again: ", sys.stderr):
            raise typer.BadParameter("the two passwords differ")
    else:
        raise typer.BadParameter("there is no terminal to ask at: use --password-stdin")
    if not given:
        raise typer.BadParameter("an empty password was given")
    return given


def read_token(*, from_stdin: bool) -> str:
    """A token from a mail: the first line of standard input, or what is typed at the terminal.

    Refused as wrong usage when there is no terminal, or nothing was given.
    """
    if from_stdin:
        return read_secret("token")
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask at: use --stdin")
    given = getpass("Token from the mail: ", sys.stderr).strip()
    if not given:
        raise typer.BadParameter("an empty token was given")
    return given


def read_secret(what: str) -> str:
    """The first line of standard input. Refused as wrong usage when there is none."""
    try:
        given = sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise typer.BadParameter(f"the {what} on standard input is not UTF-8") from None
    if not given:
        raise typer.BadParameter(f"an empty {what} was given")
    return given
