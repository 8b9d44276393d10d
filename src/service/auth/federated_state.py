"""The `state` of a sign-in that has begun at an identity provider.

What must be known at its end is sealed into it, so that beginning stores nothing: anybody may
begin, and nobody can fill the database by it.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from service.auth.errors import Cause, FederatedLoginRefused
from service.kernel.crypto import CannotOpen, KeyRing

_PLACE = "auth/federated_state"
_LIFETIME = timedelta(minutes=10).total_seconds()


@dataclass(frozen=True, slots=True)
class BegunLogin:
    """A sign-in on its way: `expires` is a Unix time.

    PKCE (RFC 7636) is used twice: `verifier` is our secret at the provider, `challenge` is of the
    secret of whoever began here, or empty.
    """

    provider: str
    redirect_uri: str
    challenge: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    expires: float

    @staticmethod
    def begin(provider: str, redirect_uri: str, *, now: float, challenge: str = "") -> "BegunLogin":
        """A new one, with secrets of its own."""
        return BegunLogin(
            provider,
            redirect_uri,
            challenge,
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(32),
            expires=now + _LIFETIME,
        )

    def require_begun_by(self, verifier: str) -> None:
        """Whoever ends the sign-in began it, having the secret. Raises FederatedLoginRefused.

        A secret where there was none is refused too: who sends it has been given the state of
        another, to be signed in to an account of theirs (RFC 9700, section 4.8.2).
        """
        challenge = _challenge(verifier) if verifier else ""
        if not hmac.compare_digest(challenge, self.challenge):
            raise FederatedLoginRefused(Cause.VERIFIER)


def seal(login: BegunLogin, ring: KeyRing) -> str:
    """The state that stands for the sign-in."""
    sealed = ring.seal(json.dumps(asdict(login)).encode(), _PLACE)
    return _base64(sealed)


def unseal(state: str, ring: KeyRing, *, now: float) -> tuple[BegunLogin, bytes]:
    """The sign-in, and what it is known by once it is used. Raises FederatedLoginRefused.

    That is a hash of what is sealed: the same bytes can be written in base64 in several ways.
    """
    try:
        sealed = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))
        login = BegunLogin(**json.loads(ring.open(sealed, _PLACE)))
    except (CannotOpen, ValueError, TypeError):  # the last where another version sealed it
        raise FederatedLoginRefused(Cause.STATE) from None
    if now >= login.expires:
        raise FederatedLoginRefused(Cause.STATE)
    return login, hashlib.sha256(sealed).digest()


def _challenge(verifier: str) -> str:
    """RFC 7636, section 4.6, S256."""
    return _base64(hashlib.sha256(verifier.encode()).digest())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
