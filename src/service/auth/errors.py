"""Why a sign-in or a token is refused."""

from service.kernel.errors import PreconditionFailed, ResourceExhausted, Unauthenticated
from service.kernel.reasons import ErrorReason


class InvalidCredentials(Unauthenticated):
    """E-mail and password do not open an account: one answer, whatever the cause."""

    reason = ErrorReason.INVALID_CREDENTIALS

    def __init__(self) -> None:
        super().__init__("The email or the password is wrong, or the account cannot sign in.")


class SignInThrottled(ResourceExhausted):
    """Too many sign-ins for one account or from one address."""

    reason = ErrorReason.SIGN_IN_THROTTLED

    def __init__(self, retry_after: float) -> None:
        super().__init__("Too many sign-ins; wait before the next.", retry_after)


class TokenInvalid(Unauthenticated):
    """The token is malformed, forged, or not meant for this service."""

    reason = ErrorReason.TOKEN_INVALID

    def __init__(self) -> None:
        super().__init__("The access token is not valid here; sign in again.")


class TokenExpired(Unauthenticated):
    """The token was good, but its time is over."""

    reason = ErrorReason.TOKEN_EXPIRED

    def __init__(self) -> None:
        super().__init__("The access token has expired; refresh it.")


class NoPassword(PreconditionFailed):
    """The caller does not sign in with a password."""

    reason = ErrorReason.NO_PASSWORD

    def __init__(self) -> None:
        super().__init__("You do not sign in with a password, so there is none to change.")
