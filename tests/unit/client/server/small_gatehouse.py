"""What a verifier sees of Gatehouse: keys, revocations, decisions; each as a test wants it."""

import threading
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import time
from typing import Any
from uuid import uuid4

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from gatehouse.access.v1 import access_service_pb2 as access
from gatehouse.access.v1 import access_service_pb2_grpc as access_rpc
from gatehouse.auth.v1 import auth_service_pb2 as auth
from gatehouse.auth.v1 import auth_service_pb2_grpc as auth_rpc
from gatehouse.auth.v1.tokens_pb2 import JsonWebKey, Revocation

from service.auth.keys import jwk
from service.auth.models import SigningKey

ISSUER = "https://gatehouse.test"
AUDIENCE = "documents"
ADA = "users/01a20798-6542-72e9-8205-1ca66b40047f"
_GONE = object()


def new_key() -> SigningKey:
    return SigningKey(str(uuid4()), generate_private_key(SECP256R1()))


def token(key: SigningKey, *, headers: Any = (), without: str = "", **claims: Any) -> str:
    """An access token like Gatehouse's, but for what is given."""
    now = int(time())
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": ADA,
        "iat": now,
        "exp": now + 600,
        "jti": str(uuid4()),
        "sid": "sessions/1",
        "scope": "*",
    }
    said = {name: value for name, value in (usual | claims).items() if name != without}
    head = {"typ": "at+jwt", "kid": key.id} | dict(headers)
    return jwt.encode(said, key.private, algorithm="ES256", headers=head)


@dataclass
class SmallGatehouse(auth_rpc.AuthServiceServicer, access_rpc.AccessServiceServicer):
    """Allows what is in `allowed`, and remembers what it was asked."""

    keys: list[SigningKey] = field(default_factory=lambda: [new_key()])
    allowed: set[tuple[str, str, str]] = field(default_factory=set)
    checks: list[access.CheckAccessRequest] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    key_loads: int = 0
    revision: str = "revision-0"
    first: list[Revocation] = field(default_factory=list)
    watching: grpc.StatusCode | None = None
    checking: grpc.StatusCode | None = None
    publishing: grpc.StatusCode | None = None
    hold: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.hold.set()
        self._watchers: list[SimpleQueue[Any]] = []
        self._cursor = 0

    def token(self, **claims: Any) -> str:
        return token(self.keys[0], **claims)

    def allow(self, permission: str, path: str, subject: str = ADA) -> None:
        self.allowed.add((subject, permission, path))

    def say(self, *revocations: Revocation, revision: str = "") -> None:
        """Tells every watcher; a beat if there is nothing to tell."""
        self.revision = revision or self.revision
        self._cursor += 1
        for one in revocations:
            one.expire_time.FromSeconds(int(time()) + 600)
        for watcher in self._watchers:
            watcher.put(self._message(list(revocations)))

    def cut_off(self, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        """Ends every watcher's stream."""
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher.put(code)

    def GetJwks(self, request: Any, context: Any) -> auth.GetJwksResponse:
        self.key_loads += 1
        self.hold.wait()
        _fail(context, self.publishing)
        return auth.GetJwksResponse(keys=[JsonWebKey(**jwk(key)) for key in self.keys])

    def WatchRevocations(self, request: Any, context: Any) -> Any:
        self.cursors.append(request.cursor)
        _fail(context, self.watching)
        queue: SimpleQueue[Any] = SimpleQueue()
        context.add_callback(lambda: queue.put(_GONE))
        self._watchers.append(queue)
        yield self._message(self.first)
        while (said := queue.get()) is not _GONE:
            if isinstance(said, grpc.StatusCode):
                _fail(context, said)
            yield said

    def CheckAccess(self, request: access.CheckAccessRequest, context: Any) -> Any:
        self.checks.append(request)
        allowed = (request.subject, request.permission, request.path) in self.allowed
        self.hold.wait()
        _fail(context, self.checking)
        return access.CheckAccessResponse(allowed=allowed, revision=self.revision)

    def _message(self, revocations: list[Revocation]) -> auth.WatchRevocationsResponse:
        return auth.WatchRevocationsResponse(
            revocations=revocations, cursor=f"cursor-{self._cursor}", revision=self.revision
        )


def _fail(context: Any, code: grpc.StatusCode | None) -> None:
    if code is not None:
        context.abort(code, "as told")
