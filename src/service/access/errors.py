"""Why access is refused, and what can be wrong with a grant."""

from service.kernel.errors import AlreadyExists, NotFound, PermissionDenied, PreconditionFailed
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


class NotHeld(PermissionDenied):
    """The caller would give away, or take away, more than they hold."""

    reason = ErrorReason.NOT_HELD

    @classmethod
    def what(cls, permission: str, path: str, why: str) -> "NotHeld":
        """One thing that is lacking."""
        return cls(
            f"You cannot pass on {permission} on {path}: {why}.",
            {"permission": permission, "path": path},
        )

    @classmethod
    def of(cls, subject: str) -> "NotHeld":
        """The same, without a word on what the subject was granted."""
        return cls(
            f"You cannot pass on what {subject} holds: you do not hold all of it.",
            {"subject": subject},
        )


class LastOwner(PreconditionFailed):
    """The change would leave `/` without an owner."""

    reason = ErrorReason.LAST_OWNER

    def __init__(self) -> None:
        super().__init__("This is the last owner of /; make someone else an owner first.")


class SubjectNotFound(NotFound):
    """There is no user, service account or group of that name."""

    reason = ErrorReason.SUBJECT_NOT_FOUND
    resource_type = "gatehouse.access.v1.Subject"


class RoleNotFound(NotFound):
    """There is no role of that name."""

    reason = ErrorReason.ROLE_NOT_FOUND
    resource_type = "gatehouse.roles.v1.Role"


class GrantNotFound(NotFound):
    """There is no grant of that name."""

    reason = ErrorReason.GRANT_NOT_FOUND
    resource_type = "gatehouse.access.v1.Grant"


class GrantExists(AlreadyExists):
    """There is the same grant."""

    reason = ErrorReason.GRANT_EXISTS

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the same grant.", {"grant": name})


class GroupCycle(PreconditionFailed):
    """The group would, through other groups, contain itself."""

    reason = ErrorReason.GROUP_CYCLE

    def __init__(self, group: str, member: str) -> None:
        super().__init__(
            f"{group} is in {member} already, so {member} cannot be put into it.",
            {"group": group, "member": member},
        )


class TooManyGroups(PreconditionFailed):
    """The member would be in more groups, or have more below it, than can be looked at quickly."""

    reason = ErrorReason.TOO_MANY_GROUPS

    def __init__(self, member: str, limit: str) -> None:
        super().__init__(f"{member} cannot be put into the group: {limit}.", {"member": member})


class RoleInUse(PreconditionFailed):
    """There are grants of the role."""

    reason = ErrorReason.ROLE_IN_USE

    def __init__(self, role: str) -> None:
        super().__init__(f"There are grants of {role}; delete them first.", {"role": role})
