"""The one error model: a fact, its kind, a stable reason and what the client may know of it.

A kind says what went wrong in the words of google.rpc.Code; `transport/status.py` alone turns kinds
into statuses. Domains subclass a kind for each fact of theirs and give it a `reason`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from service.kernel.reasons import ErrorReason


class GatehouseError(Exception):
    """A refusal as a client hears of it: `message` and `metadata` are sent, so hold no secret."""

    reason: ClassVar[ErrorReason]

    def __init__(self, message: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One broken rule: the field's path in the request, and what it takes instead."""

    field: str
    description: str


class InvalidArgument(GatehouseError):
    """The request itself is wrong, whatever the state of things."""

    reason = ErrorReason.INVALID_FIELDS

    def __init__(self, message: str, violations: Sequence[FieldViolation] = ()) -> None:
        super().__init__(message)
        self.violations = tuple(violations)

    @classmethod
    def field(cls, field: str, description: str) -> "InvalidArgument":
        """The common case: one field breaks one rule."""
        return cls(f"{field}: {description}", [FieldViolation(field, description)])


class Unauthenticated(GatehouseError):
    """The caller did not show who they are."""


class PermissionDenied(GatehouseError):
    """The caller may not do this, whether or not the thing exists."""


class NotFound(GatehouseError):
    """There is no such resource. Sent only to callers who may know."""

    resource_type: ClassVar[str]

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no {name!r}.")
        self.name = name


class AlreadyExists(GatehouseError):
    """The resource would collide with one that is there."""


class PreconditionFailed(GatehouseError):
    """The state of things forbids it until something else changes."""


class Aborted(GatehouseError):
    """The call collided with another; reading again and retrying helps."""


class ResourceExhausted(GatehouseError):
    """Too much of something; `retry_after` says in how many seconds to try again."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(GatehouseError):
    """Something this service stands on is away; `retry_after` is in seconds."""

    reason = ErrorReason.DATABASE_UNAVAILABLE

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutOfRange(GatehouseError):
    """The request goes beyond the end of something."""


class DataLoss(GatehouseError):
    """Something that was kept is missing or damaged, and does not come back by itself."""


class Cancelled(GatehouseError):
    """The service ended a stream; connecting again and resuming helps."""


class Conflict(Aborted):
    """The transaction lost against another one (serialization failure or deadlock)."""

    reason = ErrorReason.CONFLICT

    def __init__(self) -> None:
        super().__init__("The call collided with another; retry it.")


class NameTaken(AlreadyExists):
    """The chosen resource name is another's."""

    reason = ErrorReason.NAME_TAKEN

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a {name!r} already; choose another name.", {"name": name})


class StorageFull(ResourceExhausted):
    """The database has no room left."""

    reason = ErrorReason.STORAGE_FULL

    def __init__(self) -> None:
        super().__init__("The service's storage is full; an operator must make room.", 60.0)
