"""Why a sign-in or a token is refused."""

from enum import StrEnum

from service.kernel.errors import (
    FieldViolation,
    InvalidArgument,
    PreconditionFailed,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
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


class NoEmail(PreconditionFailed):
    """The caller is a service, which reads no mail."""

    reason = ErrorReason.NO_EMAIL

    def __init__(self) -> None:
        super().__init__("A service account has no e-mail address to verify.")


class MailedTokenInvalid(Unauthenticated):
    """A token from a mail is not good: one answer, whatever the cause."""

    reason = ErrorReason.MAILED_TOKEN_INVALID

    def __init__(self) -> None:
        super().__init__("The token is wrong, used, replaced or too old; ask for another mail.")


class UnknownProvider(InvalidArgument):
    """The settings name no such identity provider."""

    reason = ErrorReason.UNKNOWN_PROVIDER

    def __init__(self) -> None:
        described = FieldViolation("provider", "must be the id of one in the server's settings")
        super().__init__("There is no identity provider of this name.", [described])


class ProviderUnavailable(Unavailable):
    """An identity provider is away or answers nonsense. `why` is for the log, in our own words."""

    reason = ErrorReason.PROVIDER_UNAVAILABLE

    def __init__(self, why: str) -> None:
        super().__init__("The identity provider does not answer as it should; retry.", 2.0)
        self.why = why


class Cause(StrEnum):
    """Why a federated sign-in is refused, for the audit trail alone."""

    STATE = "state"  # forged, too old, or of what the settings no longer name
    STATE_USED = "state_used"
    VERIFIER = "verifier"  # somebody else began
    ISSUER = "issuer"  # the browser comes from another provider (RFC 9207)
    CODE = "code"  # the provider does not take it
    ID_TOKEN = "id_token"  # noqa: S105 - a word; not signed by the provider, or not for this sign-in
    USERINFO = "userinfo"  # about somebody else
    EMAIL_UNVERIFIED = "email_unverified"
    NO_ACCOUNT = "no_account"
    NOT_LINKED = "not_linked"
    ACCOUNT_UNVERIFIED = "account_unverified"
    OTHER_IDENTITY = "other_identity"
    SUSPENDED = "suspended"
    LAST_OWNER = "last_owner"
    TOO_MANY_GROUPS = "too_many_groups"


class FederatedLoginRefused(Unauthenticated):
    """A sign-in at an identity provider opens no account: one answer, whatever the cause.

    `subject` is whom it is about, where that is known; for the audit trail as well.
    """

    reason = ErrorReason.FEDERATED_LOGIN_REFUSED

    def __init__(self, cause: Cause, *, subject: str = "") -> None:
        super().__init__("The sign-in at the identity provider was refused; begin again.")
        self.cause = cause
        self.subject = subject
