"""What can be wrong with a user."""

from service.kernel.errors import AlreadyExists, InvalidArgument, NotFound
from service.kernel.reasons import ErrorReason


class UserNotFound(NotFound):
    """There is no user of that name."""

    reason = ErrorReason.USER_NOT_FOUND
    resource_type = "gatehouse.users.v1.User"


class EmailTaken(AlreadyExists):
    """Another user has the e-mail address. The address is not repeated: messages may be logged."""

    reason = ErrorReason.EMAIL_TAKEN

    def __init__(self) -> None:
        super().__init__("Another user has this email.")


class PasswordRejected(InvalidArgument):
    """The new password breaks the policy."""

    reason = ErrorReason.PASSWORD_REJECTED
