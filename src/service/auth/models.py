"""Tokens, keys, and what happens at a sign-in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)

from service.kernel.events import Event

EVERYTHING = frozenset({"*"})
_MOST_GOOD = 4  # mailed tokens of a user and purpose at once
_APART = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 key that signs access tokens; `id` is the `kid` in their header."""

    id: str
    private: EllipticCurvePrivateKey = field(repr=False)

    @property
    def public(self) -> EllipticCurvePublicKey:
        """What verifies what the key signed."""
        return self.private.public_key()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed access token and when it expires."""

    jwt: str = field(repr=False)
    scopes: frozenset[str]
    session: str
    issue_time: datetime
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in or refresh gives: an exchange gives no `refresh_token`."""

    access: AccessToken
    refresh_token: str = field(default="", repr=False)
    refresh_expire_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a caller is."""

    subject: str
    display_name: str = field(repr=False)
    session: str
    scopes: frozenset[str]
    roles: frozenset[str]
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class FederatedPerson:
    """Whom an identity provider has signed in.

    `verified_email` is empty unless the provider says that the address is the person's; `groups`
    are `groups/{id}` of this service.
    """

    issuer: str
    subject: str = field(repr=False)
    verified_email: str = field(repr=False)
    display_name: str = field(repr=False)
    groups: frozenset[str]


class SignInSucceeded(Event):
    """Someone signed in; `data.session` names the session.

    `data.provider` is the identity provider, where it was at one.
    """

    type = "gatehouse.auth.sign_in"


class SignInRefused(Event):
    """A sign-in was refused; the subject is empty when no account has the e-mail.

    `data.key` names the API key, where it was one, and `data.provider` the identity provider, with
    the Cause in `data.cause`. That is `throttled` for one that was not even looked at, and
    `mailed_token` for a token from a mail; of a wrong password there is none. Of keys, tokens and
    those throttled one a minute is told, for each key, account and address.
    """

    type = "gatehouse.auth.sign_in_refused"


class TokenExchanged(Event):
    """An API key or a token was exchanged for a token; recorded where a setting asks.

    `data.scopes` are the new token's; `data.audience` is whom it is for, empty for this service.
    """

    type = "gatehouse.auth.token_exchanged"


class IdentityLinked(Event):
    """From now on a user can sign in at an identity provider, `data.provider`.

    `data.before` and `data.after` tell the state of who was PENDING until now.
    """

    type = "gatehouse.auth.identity_linked"


class Purpose(StrEnum):
    """What a token that is sent by mail is good for."""

    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - what it is called
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"


@dataclass(frozen=True, slots=True)
class MailedToken:
    """A token that a user was sent: the job that made it, how long ago, and whether it is good."""

    job: int
    age: timedelta
    good: bool


def may_mail(job: int, sent: Sequence[MailedToken]) -> bool:
    """Whether a job may mail one more token to a user who was sent these for the same purpose.

    One that is run again may, since nobody need have got its token. Another may not as long as
    there are enough, so that nobody's inbox can be filled; and each stays good for its own time,
    so that nobody can keep a user from using one by asking for the next.
    """
    if any(token.job == job for token in sent):
        return True
    return sum(token.good for token in sent) < _MOST_GOOD and all(
        token.age >= _APART for token in sent
    )


class PasswordResetRequested(Event):
    """A mail to set a new password with is sent to a user, because somebody asked for it."""

    type = "gatehouse.auth.password_reset_requested"


class EmailVerificationRequested(Event):
    """A user asked for a mail to verify their address with."""

    type = "gatehouse.auth.email_verification_requested"


class EmailVerified(Event):
    """A user showed to read the mail of their address."""

    type = "gatehouse.auth.email_verified"


class SigningKeyCreated(Event):
    """A key that signs access tokens was made."""

    type = "gatehouse.auth.signing_key_created"
