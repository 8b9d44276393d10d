"""`gatehouse login`, `whoami` and `logout`."""

import getpass
import socket
from contextlib import suppress
from typing import Annotated

import grpc
import typer
from gatehouse.auth.v1 import auth_service_pb2 as pb

from gatehouse_client import Refusal
from service.cli.client import Client, against_server
from service.cli.failure import files_in_one_line
from service.cli.passwords import read_password, read_secret
from service.cli.screen import when

_DEVICE_LENGTH = 256


@against_server
def login(
    client: Client,
    email: Annotated[
        str,
        typer.Argument(
            metavar="EMAIL", show_default=False, help="The e-mail address to sign in with."
        ),
    ] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    api_key_stdin: Annotated[
        bool,
        typer.Option(
            "--api-key-stdin", help="Be the service account whose key standard input has."
        ),
    ] = False,
    provider: Annotated[
        str,
        typer.Option(
            metavar="ID", show_default=False, help="Sign in at this identity provider instead."
        ),
    ] = "",
    redirect_uri: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Where the provider sends the browser back to, as it and the server know it.",
        ),
    ] = "http://127.0.0.1:8976/",
) -> None:
    """Sign in to a server.

    Asks for the password, or opens a browser at an identity provider. The session's tokens are
    kept for you alone, and refreshed as needed. Those of an API key are not: sign in with it again
    when they have expired.

    \b
    Examples:
      gatehouse login ada@example.com
      gatehouse login ada@example.com --password-stdin < password.txt
      gatehouse login --api-key-stdin < ci.key
      gatehouse login --provider google
      gatehouse login ada@example.com --server gatehouse.internal:50051 --ca-file ca.pem
    """
    if bool(email) + api_key_stdin + bool(provider) != 1 or (password_stdin and not email):
        raise typer.BadParameter("say either EMAIL, --provider or --api-key-stdin")
    if provider:
        from service.cli.browser import sign_in

        tokens = sign_in(client, provider, redirect_uri, _this_device())
    elif api_key_stdin:
        key = read_secret("API key")
        tokens = client.public.ExchangeApiKey(pb.ExchangeApiKeyRequest(api_key=key)).tokens
    else:
        password = read_password(f"Password of {email}", from_stdin=password_stdin)
        request = pb.LoginRequest(email=email, password=password, device=_this_device())
        tokens = client.public.Login(request).tokens
    with files_in_one_line():
        client.tokens.keep(tokens)
    me = client.auth.WhoAmI(pb.WhoAmIRequest())
    called = me.display_name or email
    who = f"{called} ({me.subject})" if called else me.subject
    client.screen.answer(me, f"Signed in to {client.server} as {who}.")


@against_server
def whoami(client: Client) -> None:
    """Show who you are signed in as.

    \b
    Examples:
      gatehouse whoami
      gatehouse whoami --json
    """
    me = client.auth.WhoAmI(pb.WhoAmIRequest())
    if client.screen.as_json:
        client.screen.json(me)
        return
    client.screen.facts(
        {
            "subject": me.subject,
            "name": me.display_name,
            "roles": ", ".join(me.roles) or "none",
            "scopes": " ".join(me.scopes),
            "session": me.session,
            "server": client.server,
            "token until": when(me.expire_time),
        }
    )


@against_server
def logout(client: Client) -> None:
    """Sign out: end the session and forget its tokens.

    \b
    Examples:
      gatehouse logout
    """
    session = client.session
    if not session:
        client.screen.answer(pb.LogoutResponse(), f"You were not signed in to {client.server}.")
        return
    try:
        client.auth.Logout(pb.LogoutRequest())
    except grpc.RpcError as error:
        if Refusal.of(error).code is not grpc.StatusCode.UNAUTHENTICATED:
            raise
        # The session was over already, which is what was asked for.
    with files_in_one_line():
        client.tokens.forget(session)
    client.screen.answer(pb.LogoutResponse(), f"Signed out of {client.server}.")


def _this_device() -> str:
    """What this machine is called in the list of sessions."""
    user = ""
    with suppress(OSError, KeyError):  # an account without a name
        user = f"{getpass.getuser()}@"
    name = f"gatehouse, {user}{socket.gethostname()}"
    return "".join(c for c in name if c.isprintable())[:_DEVICE_LENGTH]
