"""A small Gatehouse that gives tokens as it is told, and says what it was asked."""

import threading
from dataclasses import dataclass, field
from typing import Any

from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1 import auth_service_pb2_grpc as rpc
from gatehouse.auth.v1.tokens_pb2 import Tokens

from service.sessions.errors import RefreshTokenInvalid, SessionRevoked
from service.transport.status import describe

HOUR = 3600


@dataclass
class Issuer(rpc.AuthServiceServicer):
    """Gives `token-1`, `token-2` … each good for `life` seconds, and answers WhoAmI for any."""

    address: str = ""
    life: int = HOUR
    asked: list[str] = field(default_factory=list)
    bearers: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    failing: Exception | None = None
    sessions_end: bool = False
    hold: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.hold.set()
        self._made = 0
        self._lock = threading.Lock()

    def Login(self, request: pb.LoginRequest, context: Any) -> pb.LoginResponse:
        self.asked.append(f"Login {request.email} {request.password}")
        return pb.LoginResponse(tokens=self._tokens(context))

    def RefreshToken(self, request: pb.RefreshTokenRequest, context: Any) -> Any:
        self.asked.append(f"RefreshToken {request.refresh_token}")
        if self.sessions_end:
            describe(RefreshTokenInvalid(), "r").abort(context)
        return pb.RefreshTokenResponse(tokens=self._tokens(context))

    def ExchangeApiKey(self, request: pb.ExchangeApiKeyRequest, context: Any) -> Any:
        self.asked.append(f"ExchangeApiKey {request.api_key} {','.join(request.scopes)}")
        return pb.ExchangeApiKeyResponse(tokens=self._tokens(context))

    def WhoAmI(self, request: pb.WhoAmIRequest, context: Any) -> pb.WhoAmIResponse:
        return pb.WhoAmIResponse(subject=self._bearer(context))

    def WatchRevocations(self, request: Any, context: Any) -> Any:
        yield pb.WatchRevocationsResponse(cursor=self._bearer(context))

    def _bearer(self, context: Any) -> str:
        token = dict(context.invocation_metadata()).get("authorization", "").removeprefix("Bearer ")
        self.bearers.append(token)
        if token in self.revoked:
            describe(SessionRevoked(), "r").abort(context)
        return token

    def _tokens(self, context: Any) -> Tokens:
        self.hold.wait()
        if self.failing is not None:
            describe(self.failing, "r").abort(context)
        with self._lock:
            self._made += 1
            return Tokens(
                access_token=f"token-{self._made}",
                refresh_token=f"refresh-{self._made}",
                expires_in=self.life,
            )
