"""The reasons a call is refused with: the names of `gatehouse.errors.v1.ErrorReason`.

Mirrored here because the kernel knows nothing of protobuf; a test holds the two together.
"""

from enum import StrEnum, auto
from typing import Any


class ErrorReason(StrEnum):
    """What a machine reads in google.rpc.ErrorInfo; the contract documents each."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> str:
        return f"ERROR_REASON_{name}"

    INVALID_FIELDS = auto()
    MALFORMED_MESSAGE = auto()
    INVALID_PAGE_TOKEN = auto()
    INVALID_UPDATE_MASK = auto()
    REQUEST_ID_REUSED = auto()
    PASSWORD_REJECTED = auto()
    INVALID_CURSOR = auto()
    HEADER_EXPECTED = auto()
    CONTENT_MISMATCH = auto()
    FILE_TOO_LARGE = auto()
    UNKNOWN_PROVIDER = auto()

    TOKEN_MISSING = auto()
    TOKEN_INVALID = auto()
    TOKEN_EXPIRED = auto()
    SESSION_REVOKED = auto()
    INVALID_CREDENTIALS = auto()
    REFRESH_TOKEN_INVALID = auto()
    REFRESH_TOKEN_REUSED = auto()
    API_KEY_INVALID = auto()
    MAILED_TOKEN_INVALID = auto()
    FEDERATED_LOGIN_REFUSED = auto()

    SCOPE_MISSING = auto()
    PERMISSION_MISSING = auto()
    NOT_HELD = auto()

    USER_NOT_FOUND = auto()
    SESSION_NOT_FOUND = auto()
    SUBJECT_NOT_FOUND = auto()
    GROUP_NOT_FOUND = auto()
    SERVICE_ACCOUNT_NOT_FOUND = auto()
    API_KEY_NOT_FOUND = auto()
    ROLE_NOT_FOUND = auto()
    GRANT_NOT_FOUND = auto()
    FILE_NOT_FOUND = auto()
    WEBHOOK_NOT_FOUND = auto()
    EVENT_NOT_FOUND = auto()

    EMAIL_TAKEN = auto()
    NAME_TAKEN = auto()
    GRANT_EXISTS = auto()

    LAST_OWNER = auto()
    FOREIGN_REVISION = auto()
    NO_PASSWORD = auto()
    GROUP_CYCLE = auto()
    BUILT_IN_ROLE = auto()
    ROLE_IN_USE = auto()
    TOO_MANY_GROUPS = auto()
    NO_EMAIL = auto()
    WEBHOOK_DISABLED = auto()

    ETAG_MISMATCH = auto()
    REQUEST_IN_PROGRESS = auto()
    CONFLICT = auto()
    FILE_CHANGED = auto()
    UPLOAD_GIVEN_UP = auto()

    OVERLOADED = auto()
    RATE_LIMITED = auto()
    SIGN_IN_THROTTLED = auto()
    STORAGE_FULL = auto()
    QUOTA_EXCEEDED = auto()
    TOO_MANY_TRANSFERS = auto()

    DATABASE_UNAVAILABLE = auto()
    FILE_STORE_UNAVAILABLE = auto()
    PROVIDER_UNAVAILABLE = auto()

    OFFSET_OUT_OF_RANGE = auto()
    CURSOR_EXPIRED = auto()

    WATCHER_TOO_SLOW = auto()
    SHUTTING_DOWN = auto()
    STREAM_CUT = auto()

    INTERNAL = auto()
    FILE_DAMAGED = auto()
