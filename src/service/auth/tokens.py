"""Access tokens: JWTs signed with ES256 (RFC 9068, RFC 8725)."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from service.auth.errors import TokenExpired, TokenInvalid
from service.auth.keys import SigningKeys
from service.auth.models import AccessToken, SignedIn
from service.kernel import names
from service.kernel.changes import Change, ChangeKind
from service.kernel.clock import Clock
from service.kernel.principal import Principal
from service.sessions.models import Opened
from service.sessions.revocations import Revocations
from service.sessions.service import SessionService

TYPE = "at+jwt"
ALGORITHM = "ES256"
_REQUIRED = ["exp", "iss", "aud", "sub", "iat", "jti", "sid", "scope"]
_REMEMBERED = 20_000
_REMEMBERED_LENGTH = 2_000  # a usual one has 500


class AccessTokens:
    """Makes access tokens and says whom they stand for.

    A token whose signature was checked once is remembered until it expires; whether it was revoked
    is asked every time. `lifetime` is how long tokens live unless something else ends sooner.
    """

    def __init__(
        self,
        keys: SigningKeys,
        revocations: Revocations,
        sessions: SessionService,
        clock: Clock,
        *,
        issuer: str,
        audience: str,
        lifetime: timedelta,
    ) -> None:
        self._keys = keys
        self._revocations = revocations
        self._sessions = sessions
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self.lifetime = lifetime
        self._verified: dict[str, tuple[float, Principal]] = {}
        self._lock = threading.Lock()  # for changes; a look needs none
        self._forgotten = 0
        self.hits = 0
        self.misses = 0

    def of(self, opened: Opened) -> SignedIn:
        """The tokens of a session that was just opened or refreshed."""
        session = opened.session
        access = self.issue(
            session.subject,
            session.name,
            session.scopes,
            # A revocation lasts until `token_expire_time`, so no token may outlive it.
            until=min(
                session.refresh_time + self.lifetime,
                session.token_expire_time,
                session.end_time,
            ),
        )
        return SignedIn(access, opened.refresh_token, session.expire_time)

    def issue(
        self,
        subject: str,
        session: str,
        scopes: frozenset[str],
        *,
        until: datetime,
        audience: str = "",
        actors: tuple[str, ...] = (),
    ) -> AccessToken:
        """A token that expires at `until`, to the second below. `actors` is RFC 8693's chain."""
        key = self._keys.signing
        now = int(self._clock.timestamp())
        expires = int(until.timestamp())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": audience or self._audience,
            "sub": subject,
            "client_id": actors[0] if actors else subject,
            "iat": now,
            "exp": expires,
            "jti": str(names.new_id()),
            "sid": session,
            "scope": " ".join(sorted(scopes)),
        }
        if actors:
            claims["act"] = _nested(actors)
        headers = {"typ": TYPE, "kid": key.id}
        signed = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers=headers)
        return AccessToken(signed, scopes, session, _time(now), _time(expires))

    def verify(self, token: str) -> Principal:
        """The caller whom a token of our audience stands for; notes that the session was seen.

        Raises TokenInvalid, TokenExpired, SessionRevoked, Unavailable.
        """
        principal = self.inspect(token)
        self._sessions.note(principal)
        return principal

    def inspect(self, token: str, *, any_audience: bool = False) -> Principal:
        """The same without noting it; with `any_audience` for tokens meant for other services."""
        remembered = self._verified.get(token)
        if remembered is None:
            self.misses += 1
            forgotten = self._forgotten
            principal = self._check(token, any_audience=any_audience)
            expires = principal.expire_time.timestamp()
            if not any_audience:
                self._remember(token, expires, principal, forgotten)
        else:
            self.hits += 1
            expires, principal = remembered
        if self._clock.timestamp() >= expires:
            with self._lock:
                self._verified.pop(token, None)
            raise TokenExpired
        self._revocations.refuse(principal)
        return principal

    def refuse_revoked(self, principal: Principal) -> None:
        """Refuses a caller that was verified before. Raises SessionRevoked, Unavailable."""
        self._revocations.refuse(principal)

    def _remember(self, token: str, expires: float, principal: Principal, forgotten: int) -> None:
        if len(token) > _REMEMBERED_LENGTH:
            return
        with self._lock:
            if forgotten != self._forgotten:
                return  # it may have been checked with a key that is gone since
            while len(self._verified) >= _REMEMBERED:
                del self._verified[next(iter(self._verified))]  # the oldest
            self._verified[token] = (expires, principal)

    def apply(self, changes: Sequence[Change]) -> None:
        """Checks every token again when there is another set of keys."""
        if any(change.kind is ChangeKind.SIGNING_KEYS for change in changes):
            self.forget()

    def forget(self) -> None:
        """Checks every token again."""
        with self._lock:
            self._forgotten += 1
            self._verified.clear()

    def _check(self, token: str, *, any_audience: bool) -> Principal:
        """Everything about the token itself; PyJWT checks the registered claims but not `typ`."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != TYPE or header.get("alg") != ALGORITHM or "crit" in header:
                raise TokenInvalid
            key = self._keys.find(str(header.get("kid")))
            if key is None:
                raise TokenInvalid
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=None if any_audience else self._audience,
                options={
                    "require": _REQUIRED,
                    "verify_aud": not any_audience,
                    "verify_exp": False,  # checked on every call, by the database's clock
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            return _principal(claims)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
            raise TokenInvalid from None


def _principal(claims: Mapping[str, Any]) -> Principal:
    actors = []
    actor = claims.get("act")
    while actor is not None:
        actors.append(str(actor["sub"]))
        actor = actor.get("act")
    return Principal(
        subject=str(claims["sub"]),
        session=str(claims["sid"]),
        token_id=str(claims["jti"]),
        scopes=frozenset(str(claims["scope"]).split()),
        issue_time=_time(claims["iat"]),
        expire_time=_time(claims["exp"]),
        actors=tuple(actors),
    )


def _nested(actors: tuple[str, ...]) -> dict[str, Any]:
    """`{"sub": newest, "act": {"sub": the one before, …}}`."""
    nested: dict[str, Any] = {}
    for actor in reversed(actors):
        nested = {"sub": actor, "act": nested} if nested else {"sub": actor}
    return nested


def _time(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
