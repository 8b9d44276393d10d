"""What a refused call must say: the code, and every detail of its google.rpc.Status."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from gatehouse.errors.v1.error_reason_pb2 import ErrorReason
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details
from grpc_status import rpc_status

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
NOT_FOUND = grpc.StatusCode.NOT_FOUND
ALREADY_EXISTS = grpc.StatusCode.ALREADY_EXISTS
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
ABORTED = grpc.StatusCode.ABORTED
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
CANCELLED = grpc.StatusCode.CANCELLED
DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED
OUT_OF_RANGE = grpc.StatusCode.OUT_OF_RANGE
INTERNAL = grpc.StatusCode.INTERNAL

_KINDS = (
    details.ErrorInfo,
    details.BadRequest,
    details.PreconditionFailure,
    details.ResourceInfo,
    details.RetryInfo,
    details.RequestInfo,
)


@dataclass
class Refusal:
    """A refused call as its client saw it."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    resource: tuple[str, str] = ("", "")
    preconditions: tuple[str, ...] = ()
    retry_after: float | None = None
    request_id: str = ""


def read(error: grpc.RpcError) -> Refusal:
    """The refusal in an error; all that must always be there is checked."""
    status = rpc_status.from_call(error)
    assert status is not None, f"no google.rpc.Status: {error}"
    found = {type(detail): detail for detail in map(_unpacked, status.details)}
    assert len(found) == len(status.details), f"a detail came twice: {status}"
    info, request = found[details.ErrorInfo], found[details.RequestInfo]
    assert info.domain == "gatehouse"
    assert info.reason.startswith("ERROR_REASON_")
    assert ErrorReason.Value(info.reason) > 0
    trailing = dict(error.trailing_metadata())
    assert trailing["x-request-id"] == request.request_id != ""
    refusal = Refusal(
        error.code(),
        error.details(),
        reason=info.reason.removeprefix("ERROR_REASON_"),
        metadata=dict(info.metadata),
        request_id=request.request_id,
    )
    if bad := found.get(details.BadRequest):
        refusal.fields = {it.field: it.description for it in bad.field_violations}
    if resource := found.get(details.ResourceInfo):
        refusal.resource = (resource.resource_type, resource.resource_name)
    if precondition := found.get(details.PreconditionFailure):
        refusal.preconditions = tuple(it.type for it in precondition.violations)
    if retry := found.get(details.RetryInfo):
        refusal.retry_after = retry.retry_delay.ToNanoseconds() / 1e9
    return refusal


@contextmanager
def refused(
    code: grpc.StatusCode,
    *,
    reason: str,
    fields: Collection[str] | None = None,
) -> Iterator[Refusal]:
    """Holds that the block ends in exactly this refusal; what is yielded tells more afterwards.

    RESOURCE_EXHAUSTED and UNAVAILABLE must always say when to retry.
    """
    seen = Refusal(code, "")
    try:
        yield seen
    except grpc.RpcError as error:
        vars(seen).update(vars(read(error)))
    else:
        raise AssertionError(f"nothing was refused; expected {code.name} {reason}")
    assert (seen.code, seen.reason) == (code, reason), seen
    if fields is not None:
        assert set(seen.fields) == set(fields), seen
        assert all(seen.fields.values()), seen
    if code in {RESOURCE_EXHAUSTED, UNAVAILABLE}:
        assert seen.retry_after, seen


def _unpacked(detail: Message) -> Message:
    for kind in _KINDS:
        if detail.Is(kind.DESCRIPTOR):
            message = kind()
            detail.Unpack(message)
            return message
    raise AssertionError(f"unexpected detail {detail.type_url}")
