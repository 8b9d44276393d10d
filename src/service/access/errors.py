"""Why access is refused."""

from service.kernel.errors import PermissionDenied, PreconditionFailed
from service.kernel.reasons import ErrorReason


class ScopeMissing(PermissionDenied):
    """The token may not be used for this."""

    reason = ErrorReason.SCOPE_MISSING

    def __init__(self, scope: str) -> None:
        super().__init__(f"The token does not carry the scope {scope}.", {"scope": scope})


class PermissionMissing(PermissionDenied):
    """The caller does not hold the permission on the path. Says nothing on what is there."""

    reason = ErrorReason.PERMISSION_MISSING

    def __init__(self, permission: str, path: str) -> None:
        super().__init__(
            f"You do not hold {permission} on {path}; ask an administrator for a role that has it.",
            {"permission": permission, "path": path},
        )


class LastOwner(PreconditionFailed):
    """The change would leave `/` without an owner."""

    reason = ErrorReason.LAST_OWNER

    def __init__(self) -> None:
        super().__init__("This is the last owner of /; make someone else an owner first.")
