"""Tokens, keys, and what happens at a sign-in."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)

from service.kernel.events import Event

EVERYTHING = frozenset({"*"})


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


class SignInSucceeded(Event):
    """Someone signed in."""

    type = "gatehouse.auth.sign_in"


class SignInRefused(Event):
    """A sign-in was refused; the subject is empty when no account has the e-mail.

    `data.key` names the API key, where it was one. `data.cause` is `throttled` for one that was not
    even looked at: of those one a minute is told, for each account and each address.
    """

    type = "gatehouse.auth.sign_in_refused"


class TokenExchanged(Event):
    """An API key or a token was exchanged for a token; recorded where a setting asks.

    `data.scopes` are the new token's; `data.audience` is whom it is for, empty for this service.
    """

    type = "gatehouse.auth.token_exchanged"


class SigningKeyCreated(Event):
    """A key that signs access tokens was made."""

    type = "gatehouse.auth.signing_key_created"
