"""Why a call was refused, read from the google.rpc.Status that comes with every refusal."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2 as details
from grpc_status import rpc_status

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One broken rule: the field's path in the request, and what it takes instead."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in the words of gatehouse.errors.v1.

    `reason` is the name of an ErrorReason, empty when something else than Gatehouse refused, such
    as a network that is down. `retry_after` is in seconds. `request_id` is what to report it with.
    """

    code: grpc.StatusCode
    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[FieldViolation, ...] = ()
    retry_after: float | None = None
    request_id: str = ""

    @classmethod
    def of(cls, error: grpc.RpcError) -> "Refusal":
        """What an error that a call raised says."""
        said = _details(cast(grpc.Call, error))
        info = _find(said, details.ErrorInfo)
        retry = _find(said, details.RetryInfo)
        broken = _find(said, details.BadRequest)
        request = _find(said, details.RequestInfo)
        return cls(
            code=error.code(),
            message=error.details() or "",
            reason=info.reason if info else "",
            metadata=dict(info.metadata) if info else {},
            violations=tuple(
                FieldViolation(one.field, one.description) for one in broken.field_violations
            )
            if broken
            else (),
            retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if retry else None,
            request_id=request.request_id if request else "",
        )


def _details(call: grpc.Call) -> Sequence[Any]:
    try:
        status = rpc_status.from_call(call)
    except (ValueError, DecodeError):  # of something between us that is not Gatehouse
        return ()
    return status.details if status else ()


def _find(said: Sequence[Any], kind: type[M]) -> M | None:
    """The detail of that kind, if it was sent and can be read."""
    for one in said:
        message = kind()
        with suppress(DecodeError):
            if one.Unpack(message):
                return message
    return None
