"""`gatehouse password …` and `gatehouse email …`: what is done with a token from a mail."""

from typing import Annotated

import typer
from gatehouse.auth.v1 import auth_service_pb2 as pb

from service.cli.client import Client, against_server
from service.cli.passwords import read_password, read_token
from service.cli.usage import Commands

password = Commands("Set a new password when you have forgotten yours.")
email = Commands("Verify your e-mail address.")


@password.command("forgot")
@against_server
def forgot(
    client: Client,
    address: Annotated[
        str, typer.Argument(metavar="EMAIL", show_default=False, help="Your e-mail address.")
    ],
) -> None:
    """Ask for a mail to set a new password with.

    It needs no sign-in. The answer is the same whether or not there is such an account.

    \b
    Examples:
      gatehouse password forgot ada@example.com
    """
    answer = client.public.RequestPasswordReset(pb.RequestPasswordResetRequest(email=address))
    client.screen.answer(answer, f"If {address} has an account, a mail is on its way to it.")
    client.screen.note("It is good for 30 minutes: `gatehouse password reset` takes its token.")


@password.command("reset")
@against_server
def reset(
    client: Client,
    stdin: Annotated[
        bool,
        typer.Option("--stdin", help="Read token and password, a line each, from standard input."),
    ] = False,
) -> None:
    """Set a new password with the token from the mail.

    Asks for both. All your sessions end: sign in again then.

    \b
    Examples:
      gatehouse password reset
      gatehouse password reset --stdin < token-and-password.txt
    """
    token = read_token(from_stdin=stdin)
    chosen = read_password("New password", from_stdin=stdin, twice=True)
    answer = client.public.ResetPassword(pb.ResetPasswordRequest(token=token, new_password=chosen))
    client.screen.answer(answer, "You have a new password, and all your sessions have ended.")


@email.command("request")
@against_server
def request_verification(client: Client) -> None:
    """Ask for a mail to verify your e-mail address with.

    None is sent where it is verified already.

    \b
    Examples:
      gatehouse email request
    """
    answer = client.auth.RequestEmailVerification(pb.RequestEmailVerificationRequest())
    client.screen.answer(answer, "A mail is on its way, unless your address is verified already.")
    client.screen.note("It is good for 24 hours: `gatehouse email verify` takes its token.")


@email.command("verify")
@against_server
def verify(
    client: Client,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the token from standard input.")
    ] = False,
) -> None:
    """Verify your address with the token from the mail.

    Asks for it.

    \b
    Examples:
      gatehouse email verify
      gatehouse email verify --stdin < token.txt
    """
    request = pb.VerifyEmailRequest(token=read_token(from_stdin=stdin))
    answer = client.public.VerifyEmail(request)
    client.screen.answer(answer, "Your e-mail address is verified.")
