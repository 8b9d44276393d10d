"""The one place where errors become google.rpc.Status (AIP-193)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

import google.rpc.error_details_pb2 as details
import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from service.kernel import errors
from service.kernel.reasons import ErrorReason

DOMAIN = "gatehouse"
REQUEST_ID = "x-request-id"
_STATUS_DETAILS = "grpc-status-details-bin"

# Clients take 8 KiB of trailers and report more as another error. In bytes: the message stands in
# them twice, once with up to three for each of its own.
_MOST_MESSAGE = 512
_MOST_FIELD = 128
_MOST_DESCRIPTION = 256
_MOST_VIOLATIONS = 2048

_CODES: dict[type[errors.GatehouseError], grpc.StatusCode] = {
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.PreconditionFailed: grpc.StatusCode.FAILED_PRECONDITION,
    errors.Aborted: grpc.StatusCode.ABORTED,
    errors.ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.OutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    errors.DataLoss: grpc.StatusCode.DATA_LOSS,
    errors.Cancelled: grpc.StatusCode.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as a client gets it. The trailers carry the google.rpc.Status and the request id."""

    code: grpc.StatusCode
    message: str
    trailers: tuple[tuple[str, str | bytes], ...]

    def abort(self, context: grpc.ServicerContext) -> NoReturn:
        """Ends the call. Raises, as gRPC wants it."""
        context.set_trailing_metadata(self.trailers)
        context.abort(self.code, self.message)

    def set(self, context: grpc.ServicerContext) -> None:
        """Makes this the outcome of a stream that is about to be ended."""
        context.set_trailing_metadata(self.trailers)
        context.set_code(self.code)
        context.set_details(self.message)


def code_of(error: Exception) -> grpc.StatusCode:
    """The code of the error's kind, found along its MRO; INTERNAL for what is no error of ours."""
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return grpc.StatusCode.INTERNAL


def describe(error: Exception, request_id: str) -> Refusal:
    """What the client is told of an error; of one that is not ours, nothing but the request id."""
    code = code_of(error)
    ours = isinstance(error, errors.GatehouseError) and code is not grpc.StatusCode.INTERNAL
    message = (
        _cut(str(error), _MOST_MESSAGE)
        if ours
        else f"Internal error; report request id {request_id}."
    )
    number, _ = code.value
    status = Status(code=number, message=message)
    for detail in _details(error, request_id):
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    trailers = ((REQUEST_ID, request_id), (_STATUS_DETAILS, status.SerializeToString()))
    return Refusal(code, message, trailers)


def _details(error: Exception, request_id: str) -> Iterator[Message]:
    if isinstance(error, errors.GatehouseError):
        yield details.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    else:
        yield details.ErrorInfo(reason=ErrorReason.INTERNAL, domain=DOMAIN)
    match error:
        case errors.InvalidArgument(violations=violations) if violations:
            yield _bad_request(violations)
        case errors.NotFound():
            yield details.ResourceInfo(resource_type=error.resource_type, resource_name=error.name)
        case errors.PreconditionFailed():
            violation = details.PreconditionFailure.Violation(
                type=error.reason, description=error.message
            )
            yield details.PreconditionFailure(violations=[violation])
        case (
            errors.ResourceExhausted(retry_after=seconds) | errors.Unavailable(retry_after=seconds)
        ):
            retry = details.RetryInfo()
            retry.retry_delay.FromNanoseconds(round(seconds * 1e9))
            yield retry
    yield details.RequestInfo(request_id=request_id)


def _bad_request(violations: Sequence[errors.FieldViolation]) -> details.BadRequest:
    """The first violations, as many as there is room for; one at least."""
    told = details.BadRequest()
    for violation in violations:
        told.field_violations.add(
            field=_cut(violation.field, _MOST_FIELD),
            description=_cut(violation.description, _MOST_DESCRIPTION),
        )
        if told.ByteSize() > _MOST_VIOLATIONS:
            break
    return told


def _cut(text: str, most: int) -> str:
    """The text, or its beginning in at most so many bytes."""
    packed = text.encode(errors="replace")
    return text if len(packed) <= most else packed[: most - 3].decode(errors="ignore") + "…"
