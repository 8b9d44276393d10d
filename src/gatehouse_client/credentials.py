"""What a client proves itself with: a password, an API key, or a file that holds a token."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from gatehouse.auth.v1 import auth_service_pb2 as auth
from gatehouse.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from gatehouse.auth.v1.tokens_pb2 import Tokens


@dataclass(frozen=True, slots=True)
class Password:
    """A person's e-mail address and password. `device` is what the list of sessions shows.

    Signs in once and refreshes from then on; signs in again when the session was ended.
    """

    email: str
    password: str = field(repr=False)
    device: str = ""

    def obtain(self, service: AuthServiceStub, last: Tokens | None) -> Tokens:
        """New tokens, in place of the last. Raises grpc.RpcError."""
        if last is not None:
            request = auth.RefreshTokenRequest(refresh_token=last.refresh_token)
            try:
                return service.RefreshToken(request).tokens
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
        login = auth.LoginRequest(email=self.email, password=self.password, device=self.device)
        return service.Login(login).tokens


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The secret of a service account's API key; `scopes` narrows what the tokens are for.

    Raises TypeError for scopes in one string.
    """

    secret: str = field(repr=False)
    scopes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """A string is a sequence of strings as well: of its letters."""
        if isinstance(self.scopes, str):
            raise TypeError(f"scopes must be a sequence of scopes, such as [{self.scopes!r}]")

    def obtain(self, service: AuthServiceStub, last: Tokens | None) -> Tokens:
        """New tokens; the last are of no use for that. Raises grpc.RpcError."""
        request = auth.ExchangeApiKeyRequest(api_key=self.secret, scopes=self.scopes)
        return service.ExchangeApiKey(request).tokens


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file with an access token in it, which somebody else keeps fresh, such as an orchestrator.

    It is read again whenever it was replaced or written, also through a link that points elsewhere.
    """

    path: Path


Credentials = Password | ApiKey | TokenFile
