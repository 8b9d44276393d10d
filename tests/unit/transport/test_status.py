"""Errors become statuses by their kind, with the details that fit and no others."""

import google.rpc.error_details_pb2 as details
import grpc
import pytest
from google.rpc.status_pb2 import Status

from service.kernel import errors
from service.kernel.reasons import ErrorReason
from service.transport.status import _CODES, code_of, describe


def told(error: Exception) -> tuple[grpc.StatusCode, str, dict[type, object]]:
    """What a client gets: code, message, details by type."""
    refusal = describe(error, "r-1")
    trailers = dict(refusal.trailers)
    assert trailers["x-request-id"] == "r-1"
    status = Status.FromString(trailers["grpc-status-details-bin"])
    assert status.code == refusal.code.value[0]
    assert status.message == refusal.message
    found: dict[type, object] = {}
    for packed in status.details:
        kind = getattr(details, packed.type_url.rpartition(".")[2])
        found[kind] = message = kind()
        packed.Unpack(message)
    assert found[details.RequestInfo].request_id == "r-1"
    return refusal.code, refusal.message, found


class Taken(errors.AlreadyExists):
    reason = ErrorReason.EMAIL_TAKEN


class TakenTwice(Taken):
    """Knows no kind of its own."""


class Last(errors.PreconditionFailed):
    reason = ErrorReason.LAST_OWNER


class Missing(errors.NotFound):
    reason = ErrorReason.USER_NOT_FOUND
    resource_type = "gatehouse.users.v1.User"


class OfNoKind(errors.GatehouseError):
    reason = ErrorReason.INTERNAL


class Busy(errors.ResourceExhausted):
    reason = ErrorReason.OVERLOADED


@pytest.mark.parametrize("kind", list(_CODES), ids=lambda it: it.__name__)
def test_each_kind_has_the_code_of_its_name(kind: type[errors.GatehouseError]) -> None:
    named = {"PreconditionFailed": "FAILED_PRECONDITION"}
    words = "".join(f"_{c}" if c.isupper() else c for c in kind.__name__).strip("_").upper()
    assert _CODES[kind].name == named.get(kind.__name__, words)


def test_no_two_kinds_share_a_code() -> None:
    assert len(set(_CODES.values())) == len(_CODES)


@pytest.mark.parametrize("error", [Taken("x"), TakenTwice("x")])
def test_an_error_has_the_code_of_the_nearest_kind_above_it(error: Exception) -> None:
    code, message, found = told(error)
    assert (code, message) == (grpc.StatusCode.ALREADY_EXISTS, "x")
    assert set(found) == {details.ErrorInfo, details.RequestInfo}


def test_error_info_names_the_domain_the_reason_and_what_a_client_may_know() -> None:
    error = Taken("x", {"email": "hidden"})
    info = told(error)[2][details.ErrorInfo]
    assert (info.domain, info.reason) == ("gatehouse", "ERROR_REASON_EMAIL_TAKEN")
    assert dict(info.metadata) == {"email": "hidden"}


def test_broken_rules_are_field_violations() -> None:
    error = errors.InvalidArgument.field("user.email", "must be one")
    bad = told(error)[2][details.BadRequest]
    assert [(it.field, it.description) for it in bad.field_violations] == [
        ("user.email", "must be one")
    ]


def test_an_invalid_argument_without_fields_has_no_bad_request() -> None:
    assert details.BadRequest not in told(errors.InvalidArgument("x"))[2]


def test_what_is_not_found_is_named() -> None:
    resource = told(Missing("users/1"))[2][details.ResourceInfo]
    assert resource.resource_type == "gatehouse.users.v1.User"
    assert resource.resource_name == "users/1"


def test_a_failed_precondition_is_described() -> None:
    [violation] = told(Last("Last owner."))[2][details.PreconditionFailure].violations
    assert (violation.type, violation.description) == ("ERROR_REASON_LAST_OWNER", "Last owner.")


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Busy("x", 2.5), 2.5),
        (errors.Unavailable("x"), 1.0),
        (errors.StorageFull(), 60.0),
    ],
)
def test_who_is_told_to_wait_is_told_how_long(error: Exception, seconds: float) -> None:
    retry = told(error)[2][details.RetryInfo]
    assert retry.retry_delay.ToNanoseconds() == seconds * 1e9


@pytest.mark.parametrize("error", [Taken("x"), Last("x"), Missing("x"), errors.Conflict()])
def test_nobody_else_is_told_to_wait(error: Exception) -> None:
    assert details.RetryInfo not in told(error)[2]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a secret"),
        KeyError("a secret"),
        Exception("a secret"),
        OfNoKind("a secret"),
    ],
)
def test_what_is_no_error_of_ours_tells_nothing(error: Exception) -> None:
    code, message, found = told(error)
    assert code is grpc.StatusCode.INTERNAL
    assert message == "Internal error; report request id r-1."
    assert set(found) == {details.ErrorInfo, details.RequestInfo}
    assert found[details.ErrorInfo].reason == "ERROR_REASON_INTERNAL"


def test_a_base_exception_of_python_is_internal() -> None:
    assert code_of(RecursionError()) is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("text", ["x", "é", "\U0001f980", "\ud800", "%"])
def test_no_refusal_is_too_long_for_a_client(text: str) -> None:
    violations = [errors.FieldViolation(text * 5000, text * 5000)] * 500
    refusal = describe(errors.InvalidArgument(text * 100_000, violations), "r" * 128)
    trailers = sum(len(key) + 4 * len(value) // 3 + 32 for key, value in refusal.trailers)
    assert trailers + 3 * len(refusal.message.encode()) < 8192
    assert refusal.message.startswith((text, "?"))


def test_a_violation_that_fits_is_told_whole() -> None:
    violations = [errors.FieldViolation(f"names[{n}]", "must be one") for n in range(20)]
    bad = told(errors.InvalidArgument("x", violations))[2][details.BadRequest]
    assert [it.field for it in bad.field_violations] == [it.field for it in violations]
