"""How a call is refused: a google.rpc.Status with the details that Gatehouse's own have."""

import re
from dataclasses import dataclass, field
from uuid import uuid4

import google.rpc.error_details_pb2 as details
import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

# Reasons of gatehouse.errors.v1 are Gatehouse's domain; those that only arise here are ours.
_GATEHOUSE = "gatehouse"
_HERE = "gatehouse_client"

_REQUEST_ID = "x-request-id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(eq=False)  # not frozen: contextlib and others set an exception's traceback
class Refused(Exception):
    """The call is over."""

    code: grpc.StatusCode
    reason: str
    message: str
    domain: str = _GATEHOUSE
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    field: str = ""

    def trailers(self, request_id: str) -> tuple[tuple[str, str | bytes], ...]:
        """The trailing metadata that tells the client."""
        number, _ = self.code.value
        status = Status(code=number, message=self.message)
        for detail in self._details(request_id):
            packed = Any()
            packed.Pack(detail)
            status.details.append(packed)
        return (
            (_REQUEST_ID, request_id),
            ("grpc-status-details-bin", status.SerializeToString()),
        )

    def _details(self, request_id: str) -> list[Message]:
        info = details.ErrorInfo(reason=self.reason, domain=self.domain, metadata=self.metadata)
        said: list[Message] = [info]
        if self.field:
            broken = details.BadRequest()
            broken.field_violations.add(field=self.field, description=self.message)
            said.append(broken)
        if self.retry_after is not None:
            retry = details.RetryInfo()
            retry.retry_delay.FromNanoseconds(round(self.retry_after * 1e9))
            said.append(retry)
        return [*said, details.RequestInfo(request_id=request_id)]


def token_missing() -> Refused:
    """No token, or several."""
    return _unauthenticated("TOKEN_MISSING", "Send one `authorization: Bearer <access token>`.")


def token_invalid() -> Refused:
    """Malformed, forged, or not meant for this service."""
    return _unauthenticated("TOKEN_INVALID", "The token is not valid here.")


def token_expired() -> Refused:
    """It was good once."""
    return _unauthenticated("TOKEN_EXPIRED", "The token has expired; refresh it.")


def session_revoked() -> Refused:
    """The session, subject or token was revoked."""
    return _unauthenticated("SESSION_REVOKED", "The session was ended; sign in again.")


def scope_missing(scope: str) -> Refused:
    """The token is for something else."""
    return Refused(
        grpc.StatusCode.PERMISSION_DENIED,
        "ERROR_REASON_SCOPE_MISSING",
        f"The token lacks the scope {scope}.",
        metadata={"scope": scope},
    )


def permission_missing(permission: str, path: str) -> Refused:
    """The caller may not."""
    return Refused(
        grpc.StatusCode.PERMISSION_DENIED,
        "ERROR_REASON_PERMISSION_MISSING",
        f"You do not hold {permission} on {path}.",
        metadata={"permission": permission, "path": path},
    )


def method_not_listed(method: str) -> Refused:
    """Nobody has said who may call it."""
    return Refused(
        grpc.StatusCode.PERMISSION_DENIED,
        "METHOD_NOT_LISTED",
        "Nobody may call this method: no rule allows it.",
        domain=_HERE,
        metadata={"method": method},
    )


def bad_field(name: str, problem: str) -> Refused:
    """The request makes no path."""
    return Refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        "ERROR_REASON_INVALID_FIELDS",
        f"{name}: {problem}",
        field=name,
    )


def no_first_message() -> Refused:
    """A client's stream ended before it began, and the path was to be in its first message."""
    return bad_field("request", "the stream must have a first message")


def unreachable() -> Refused:
    """Nothing can be decided without Gatehouse."""
    return Refused(
        grpc.StatusCode.UNAVAILABLE,
        "GATEHOUSE_UNREACHABLE",
        "Who may do this cannot be decided now; retry.",
        domain=_HERE,
        retry_after=1.0,
    )


def fault(request_id: str) -> Refused:
    """A rule or a handler's surroundings are wrong."""
    return Refused(
        grpc.StatusCode.INTERNAL,
        "ERROR_REASON_INTERNAL",
        f"Internal error; report request id {request_id}.",
    )


def request_id_of(metadata: dict[str, str | bytes]) -> str:
    """The id that the client gave its request, or a new one."""
    given = metadata.get(_REQUEST_ID)
    if isinstance(given, str) and _WELL_FORMED.fullmatch(given):
        return given
    return str(uuid4())


def _unauthenticated(reason: str, message: str) -> Refused:
    return Refused(grpc.StatusCode.UNAUTHENTICATED, f"ERROR_REASON_{reason}", message)
