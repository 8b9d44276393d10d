"""The commands that talk to a server: what they have in common."""

import inspect
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import grpc
import typer
from gatehouse.auth.v1 import auth_service_pb2 as auth_pb
from gatehouse.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from gatehouse.auth.v1.tokens_pb2 import Tokens
from gatehouse.users.v1.user_service_pb2_grpc import UserServiceStub

from gatehouse_client import Refusal, connect
from service.cli.failure import Failed, files_in_one_line
from service.cli.kept_tokens import KeptTokens, state_folder
from service.cli.refusals import refusal_line
from service.cli.screen import Screen

# Every command would wait for the stubs of all.
if TYPE_CHECKING:
    from gatehouse.access.v1.access_service_pb2_grpc import AccessServiceStub
    from gatehouse.events.v1.event_service_pb2_grpc import EventServiceStub
    from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub
    from gatehouse.groups.v1.group_service_pb2_grpc import GroupServiceStub
    from gatehouse.roles.v1.role_service_pb2_grpc import RoleServiceStub
    from gatehouse.serviceaccounts.v1.service_account_service_pb2_grpc import (
        ServiceAccountServiceStub,
    )
    from gatehouse.sessions.v1.session_service_pb2_grpc import SessionServiceStub
    from gatehouse.webhooks.v1.webhook_service_pb2_grpc import WebhookServiceStub

P = ParamSpec("P")


def _common(
    server: Annotated[
        str,
        typer.Option(
            envvar="GATEHOUSE_SERVER",
            metavar="HOST:PORT",
            help="The server to talk to.",
        ),
    ] = "127.0.0.1:50051",
    ca_file: Annotated[
        Path | None,
        typer.Option(
            envvar="GATEHOUSE_CA_FILE",
            metavar="FILE",
            help="The CA of the server's certificate, PEM. Default: what gRPC itself trusts.",
        ),
    ] = None,
    cert_file: Annotated[
        Path | None,
        typer.Option(
            envvar="GATEHOUSE_CERT_FILE",
            metavar="FILE",
            help="Your certificate, where the server asks for one.",
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            envvar="GATEHOUSE_KEY_FILE",
            metavar="FILE",
            help="The key of your certificate.",
        ),
    ] = None,
    plaintext: Annotated[
        bool | None,
        typer.Option(
            "--plaintext/--tls",
            show_default=False,
            help="Encrypt or not. Default: not to this machine without --ca-file, else encrypted.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the server's answer as protobuf JSON."),
    ] = False,
) -> "Client":
    """The options of every command that talks to a server."""
    return Client(
        server,
        Screen(as_json=as_json),
        ca_file=ca_file,
        cert_file=cert_file,
        key_file=key_file,
        plaintext=plaintext,
    )


class Client:
    """A server, and the person at this machine as its client."""

    def __init__(self, server: str, screen: Screen, **connection: Any) -> None:
        self.server = server
        self.screen = screen
        self.tokens = KeptTokens(state_folder(os.environ) / "tokens", server)
        self._connection = connection
        self._open = ExitStack()

    @cached_property
    def public(self) -> AuthServiceStub:
        """The calls that need no token."""
        return AuthServiceStub(self._connect(token=None))

    @cached_property
    def auth(self) -> AuthServiceStub:
        """Tokens, as who has signed in."""
        return AuthServiceStub(self._signed_in)

    @cached_property
    def users(self) -> UserServiceStub:
        """Users, as who has signed in."""
        return UserServiceStub(self._signed_in)

    @cached_property
    def sessions(self) -> "SessionServiceStub":
        """Sessions, as who has signed in."""
        from gatehouse.sessions.v1.session_service_pb2_grpc import SessionServiceStub

        return SessionServiceStub(self._signed_in)

    @cached_property
    def groups(self) -> "GroupServiceStub":
        """Groups, as who has signed in."""
        from gatehouse.groups.v1.group_service_pb2_grpc import GroupServiceStub

        return GroupServiceStub(self._signed_in)

    @cached_property
    def roles(self) -> "RoleServiceStub":
        """Roles, as who has signed in."""
        from gatehouse.roles.v1.role_service_pb2_grpc import RoleServiceStub

        return RoleServiceStub(self._signed_in)

    @cached_property
    def service_accounts(self) -> "ServiceAccountServiceStub":
        """Service accounts and their keys, as who has signed in."""
        from gatehouse.serviceaccounts.v1.service_account_service_pb2_grpc import (
            ServiceAccountServiceStub,
        )

        return ServiceAccountServiceStub(self._signed_in)

    @cached_property
    def access(self) -> "AccessServiceStub":
        """Grants and decisions, as who has signed in."""
        from gatehouse.access.v1.access_service_pb2_grpc import AccessServiceStub

        return AccessServiceStub(self._signed_in)

    @cached_property
    def files(self) -> "FileServiceStub":
        """Files, as who has signed in."""
        from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

        return FileServiceStub(self._signed_in)

    @cached_property
    def events(self) -> "EventServiceStub":
        """The audit trail, as who has signed in."""
        from gatehouse.events.v1.event_service_pb2_grpc import EventServiceStub

        return EventServiceStub(self._signed_in)

    @cached_property
    def webhooks(self) -> "WebhookServiceStub":
        """Webhooks and their deliveries, as who has signed in."""
        from gatehouse.webhooks.v1.webhook_service_pb2_grpc import WebhookServiceStub

        return WebhookServiceStub(self._signed_in)

    @property
    def session(self) -> str:
        """The session of who has signed in, `sessions/{id}`; empty for who has not."""
        with files_in_one_line():
            kept = self.tokens.read()
        return kept.session if kept else ""

    def close(self) -> None:
        """Closes what was opened."""
        self._open.close()

    @cached_property
    def _signed_in(self) -> grpc.Channel:
        return self._connect(token=self._access_token)

    def _access_token(self) -> str:
        with files_in_one_line():
            kept = self.tokens.current(self._refresh)
        if kept is None:
            raise Failed(
                f"you are not signed in to {self.server}: run `gatehouse login EMAIL` first"
            )
        return kept.access_token

    def _refresh(self, refresh_token: str) -> Tokens:
        if not refresh_token:
            raise Failed(
                f"your token for {self.server} has expired, and an API key's cannot be refreshed:"
                " run `gatehouse login --api-key-stdin` again"
            )
        request = auth_pb.RefreshTokenRequest(refresh_token=refresh_token)
        return self.public.RefreshToken(request).tokens

    def _connect(self, *, token: Callable[[], str] | None) -> grpc.Channel:
        try:
            with files_in_one_line():
                channel = connect(self.server, token=token, **self._connection)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        return self._open.enter_context(channel)


def against_server(command: Callable[Concatenate[Client, P], None]) -> Callable[..., None]:
    """Gives a command the options of a connection, and hands it the client they make.

    A refused call ends the command in one line.
    """
    common = inspect.signature(_common, eval_str=True).parameters
    _, *own = inspect.signature(command, eval_str=True).parameters.values()

    @wraps(command)
    def run(**given: Any) -> None:
        client = _common(**{name: given.pop(name) for name in common})
        try:
            command(client, **given)  # type: ignore[call-arg]  # Typer passes all by name
        except grpc.RpcError as error:
            raise Failed(refusal_line(Refusal.of(error), client.server)) from error
        except UnicodeEncodeError as error:  # an argument that is no text cannot be sent
            raise Failed(f"{error.object!r} is no UTF-8") from error
        finally:
            client.close()

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in (*own, *common.values())
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
