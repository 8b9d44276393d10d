"""What can be wrong with a session or its refresh token."""

from service.kernel.errors import NotFound, Unauthenticated
from service.kernel.reasons import ErrorReason


class SessionNotFound(NotFound):
    """There is no session of that name."""

    reason = ErrorReason.SESSION_NOT_FOUND
    resource_type = "gatehouse.sessions.v1.Session"


class SessionRevoked(Unauthenticated):
    """The token's session, subject or the token itself was revoked."""

    reason = ErrorReason.SESSION_REVOKED

    def __init__(self) -> None:
        super().__init__("The session was ended; sign in again.")


class RefreshTokenInvalid(Unauthenticated):
    """The refresh token was never given out, or its session is over."""

    reason = ErrorReason.REFRESH_TOKEN_INVALID

    def __init__(self) -> None:
        super().__init__("The refresh token is not valid, or its session is over; sign in again.")


class RefreshTokenReused(Unauthenticated):
    """A used refresh token came back too late, so one of its two holders stole it."""

    reason = ErrorReason.REFRESH_TOKEN_REUSED

    def __init__(self) -> None:
        super().__init__("The refresh token was used before; its session was ended. Sign in again.")
