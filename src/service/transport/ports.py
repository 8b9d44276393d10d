"""What the pipeline asks of the rest of the service; wiring plugs it in."""

from typing import Protocol

import grpc

from service.kernel.call import Call
from service.kernel.principal import Principal


class Authenticator(Protocol):
    """Says whom a token stands for."""

    def verify(self, token: str) -> Principal:
        """The caller. Raises Unauthenticated."""

    def refuse_revoked(self, principal: Principal) -> None:
        """Raises Unauthenticated when the token was revoked since; its end is not looked at."""


class Authorizer(Protocol):
    """Says whether a caller may."""

    def require(self, principal: Principal, *, scope: str, permission: str, path: str) -> None:
        """Raises PermissionDenied. An empty permission asks about the scope alone."""


class Throttle(Protocol):
    """Counts a caller's calls."""

    def take(self, subject: str) -> None:
        """Raises ResourceExhausted."""


class MethodObserver(Protocol):
    """Counts and logs the calls of one method."""

    def started(self) -> None:
        """A call has begun."""

    def received(self) -> None:
        """A message of a stream has come in."""

    def sent(self) -> None:
        """A message of a stream has gone out."""

    def finished(self, call: Call, code: grpc.StatusCode, seconds: float) -> None:
        """The call is over."""
