"""What an identity provider publishes: its metadata (OpenID Connect Discovery) and its keys."""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from service.auth.errors import ProviderUnavailable
from service.auth.provider_http import get_json
from service.kernel.clock import Clock

T = TypeVar("T")

_KEPT = 3600.0
_PAUSE = 5.0  # between two attempts, and before keys that are not there are looked for again
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_ASYMMETRIC = {"RSA", "EC", "OKP"}
_AUTH_METHODS = ("client_secret_basic", "client_secret_post")
_CHARACTERS = re.compile(r'[^\x00-\x20\x7f-\U0010ffff#"<>\\^`{|}]+')  # RFC 3986, no fragment
# What an authorization request says, or could be told with instead (OpenID Connect Core, 3.1.2.1).
_OURS = {
    *("response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "request", "request_uri"),
}


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where the provider is asked what. `userinfo_endpoint` is empty where there is none."""

    authorization_endpoint: str
    token_endpoint: str
    token_endpoint_auth_method: str
    userinfo_endpoint: str
    jwks_uri: str
    sends_issuer: bool


class ProviderDocuments:
    """One provider's, fetched when first needed and kept for an hour."""

    def __init__(self, issuer: str, clock: Clock) -> None:
        self._issuer = issuer
        self._metadata = _Kept(self._fetch_metadata, clock)
        self._keys = _Kept(self._fetch_keys, clock)

    def metadata(self) -> Metadata:
        """Raises ProviderUnavailable."""
        return self._metadata.get(_KEPT)

    def keys(self) -> KeySet:
        """The keys that sign ID tokens. Raises ProviderUnavailable."""
        return self._keys.get(_KEPT)

    def fresh_keys(self) -> KeySet:
        """The same, as they were within the last few seconds. Raises ProviderUnavailable."""
        return self._keys.get(_PAUSE)

    def _fetch_metadata(self) -> Metadata:
        found = get_json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise ProviderUnavailable("its metadata names another issuer")
        return Metadata(
            authorization_endpoint=_authorization_endpoint(found),
            token_endpoint=_endpoint(found, "token_endpoint"),
            token_endpoint_auth_method=_auth_method(found),
            userinfo_endpoint=(
                _endpoint(found, "userinfo_endpoint") if "userinfo_endpoint" in found else ""
            ),
            jwks_uri=_endpoint(found, "jwks_uri"),
            sends_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        )

    def _fetch_keys(self) -> KeySet:
        published = get_json(self.metadata().jwks_uri).get("keys")
        try:
            # Not those to encrypt with, and never a shared secret, which everybody could read.
            usable = [
                key
                for key in published or ()
                if key.get("kty") in _ASYMMETRIC and key.get("use", "sig") == "sig"
            ]
            return KeySet.import_key_set({"keys": usable})
        except (JoseError, ValueError, TypeError, AttributeError, KeyError):
            raise ProviderUnavailable("no keys") from None


class _Kept(Generic[T]):
    """What is loaded when needed, by one thread; a failure is not tried again at once."""

    def __init__(self, load: Callable[[], T], clock: Clock) -> None:
        self._load = load
        self._clock = clock
        self._lock = threading.Lock()
        self._value: T | None = None
        self._loaded = 0.0
        self._failed = 0.0
        self._why = ""

    def get(self, age: float) -> T:
        """The value, no older than `age` seconds. Raises ProviderUnavailable."""
        with self._lock:
            now = self._clock.timestamp()
            if self._value is not None and now - self._loaded < age:
                return self._value
            if now - self._failed < _PAUSE:
                raise ProviderUnavailable(self._why)
            try:
                self._value = self._load()
            except ProviderUnavailable as error:
                self._failed, self._why = self._clock.timestamp(), error.why
                raise
            self._loaded = now
            return self._value


def _auth_method(found: dict[str, Any]) -> str:
    """How the client's secret is sent. Raises ProviderUnavailable."""
    supported = found.get("token_endpoint_auth_methods_supported") or [_AUTH_METHODS[0]]
    if isinstance(supported, list):
        for method in _AUTH_METHODS:
            if method in supported:
                return method
    raise ProviderUnavailable(f"its token endpoint takes neither {' nor '.join(_AUTH_METHODS)}")


def _authorization_endpoint(found: dict[str, Any]) -> str:
    """One whose query leaves what we ask for to us. Raises ProviderUnavailable."""
    url = _endpoint(found, "authorization_endpoint")
    if _OURS.isdisjoint(name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)):
        return url
    raise ProviderUnavailable("its metadata has no usable authorization_endpoint")


def _endpoint(found: dict[str, Any], name: str) -> str:
    """An address that may be asked: https, or http on this machine. Raises ProviderUnavailable."""
    url = found.get(name)
    if isinstance(url, str) and _CHARACTERS.fullmatch(url):
        with suppress(ValueError):
            parts = urlsplit(url)
            local = parts.scheme == "http" and parts.hostname in _LOOPBACK
            if (
                (local or parts.scheme == "https")
                and parts.hostname
                and parts.port != 0
                and "@" not in parts.netloc
            ):
                return url
    raise ProviderUnavailable(f"its metadata has no usable {name}")
