"""Whether an access token is Gatehouse's and for this service (RFC 9068, RFC 8725)."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic, time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from gatehouse.auth.v1.tokens_pb2 import JsonWebKey
from google.protobuf.json_format import MessageToDict
from jwt.algorithms import ECAlgorithm

from gatehouse_client.server import refusals
from gatehouse_client.server.caller import Caller

_TYPE = "at+jwt"
_ALGORITHM = "ES256"
_REQUIRED = ["exp", "iss", "aud", "sub", "iat", "jti", "sid", "scope"]

# A token with a key that is not known makes us ask for the keys, however many such tokens come.
_RELOAD_AT_MOST_EVERY = 1.0

# Checking a signature costs 100 µs, so who was verified is remembered.
_REMEMBERED = 10_000
_REMEMBERED_LENGTH = 2_000


class UnknownKey(Exception):
    """The token names a key that is not among those known."""


class Verifier:
    """Verifies tokens with the keys that Gatehouse publishes. Safe to use from any thread.

    Expiry is judged by this machine's clock, without leeway: keep it synchronized.
    """

    def __init__(
        self, load: Callable[[], Sequence[JsonWebKey]], *, issuer: str, audience: str
    ) -> None:
        if not issuer or not audience:
            raise ValueError("tokens are verified for an issuer and an audience")
        self._load = load
        self._issuer = issuer
        self._audience = audience
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._tried = -_RELOAD_AT_MOST_EVERY
        self._away = False
        self._loading = threading.Lock()
        self._verified: dict[str, Caller] = {}
        self._lock = threading.Lock()

    def verify(self, token: str) -> Caller:
        """Whom the token stands for. Raises Refused."""
        try:
            return self.verify_at_once(token)
        except UnknownKey:
            self._look_again()
        try:
            return self.verify_at_once(token)
        except UnknownKey:
            raise (refusals.unreachable() if self._away else refusals.token_invalid()) from None

    def verify_at_once(self, token: str) -> Caller:
        """The same with the keys at hand. Raises Refused, UnknownKey."""
        caller = self._verified.get(token) or self._check(token)
        if time() >= caller.expire_time.timestamp():
            with self._lock:
                self._verified.pop(token, None)
            raise refusals.token_expired()
        return caller

    def reload(self) -> None:
        """Asks for the keys; a key that is no longer published verifies nothing from then on.

        Raises Refused when Gatehouse does not answer.
        """
        with self._loading:
            self._reload()

    def _look_again(self) -> None:
        asked = monotonic()
        with self._loading:  # who waited for another's look has no need of one
            if self._tried < asked and asked - self._tried >= _RELOAD_AT_MOST_EVERY:
                self._reload()

    def _reload(self) -> None:
        self._away = True
        try:
            keys = {key.kid: _public(key) for key in self._load() if _is_ours(key)}
            self._away = False
        finally:
            self._tried = monotonic()
        with self._lock:
            if keys.keys() != self._keys.keys():
                self._verified = {}
            self._keys = keys

    def _check(self, token: str) -> Caller:
        """Everything about the token itself; PyJWT checks the registered claims but not `typ`."""
        keys = self._keys
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != _TYPE or header.get("alg") != _ALGORITHM:
                raise refusals.token_invalid()
            key = keys.get(str(header.get("kid")))
            if key is None:
                raise UnknownKey
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,  # on every call, also of a token that is remembered
                    "verify_iat": False,  # Gatehouse's clock may be ahead of ours
                },
            )
            caller = _caller(claims)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
            raise refusals.token_invalid() from None
        if len(token) <= _REMEMBERED_LENGTH:
            with self._lock:
                if keys is self._keys:  # else it may have been checked with a key that is gone
                    while len(self._verified) >= _REMEMBERED:
                        del self._verified[next(iter(self._verified))]
                    self._verified[token] = caller
        return caller


def _is_ours(key: JsonWebKey) -> bool:
    return (key.kty, key.crv, key.alg, key.use) == ("EC", "P-256", _ALGORITHM, "sig")


def _public(key: JsonWebKey) -> EllipticCurvePublicKey:
    made = ECAlgorithm.from_jwk(MessageToDict(key))
    if not isinstance(made, EllipticCurvePublicKey):
        raise TypeError("a private key is published")
    return made


def _caller(claims: Mapping[str, Any]) -> Caller:
    actors = []
    actor = claims.get("act")
    while actor is not None:
        actors.append(str(actor["sub"]))
        actor = actor.get("act")
    return Caller(
        subject=str(claims["sub"]),
        session=str(claims["sid"]),
        token_id=str(claims["jti"]),
        scopes=frozenset(str(claims["scope"]).split()),
        expire_time=datetime.fromtimestamp(claims["exp"], UTC),
        actors=tuple(actors),
    )
