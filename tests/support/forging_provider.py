"""An identity provider that forges, lies, dawdles and breaks, each as a test says.

As it starts it is honest: it wants PKCE, a code is good once and for its redirect_uri, and ID
tokens are signed with the published key.
"""

import hashlib
import json
import secrets
import ssl
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry

from tests.support.browsers import brought_back

CLIENT_ID = "gatehouse"
CLIENT_SECRET = "hunter2 of the forger"

Answer = Callable[["Handler"], None]
Claims = dict[str, Any]


def new_key(kid: str) -> ECKey:
    """A key to sign ID tokens with."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


class ForgingProvider:
    """What it says can be changed at any time; None takes a claim or a member away."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.published: list[Key] = [new_key("first")]
        self.be_honest()

    def be_honest(self) -> None:
        """Forgets all that it was told to say, and who was to be signed in."""
        self.client_id, self.client_secret = CLIENT_ID, CLIENT_SECRET
        self.metadata: Claims = {}
        self.id_token: Claims = {}
        self.header: Claims = {}
        self.tokens: Claims = {}
        self.userinfo: Claims = {}
        self.sign: Callable[[Claims, Claims], str] = self.sign_honestly
        self.reuses_codes = False
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._begun: dict[str, dict[str, Any]] = {}

    def come_back(self, authorization_url: str, **claims: Any) -> dict[str, str]:
        """Signs somebody in of whom the claims are true; with what the browser is sent back."""
        asked = brought_back(authorization_url)
        code = secrets.token_urlsafe(16)
        self._begun[code] = asked | {"claims": claims}
        return {"state": asked["state"], "code": code}

    def asked(self, path: str) -> int:
        """How often the path was asked for."""
        return sum(one == path for one, _ in self.requests)

    def sign_honestly(self, header: Claims, claims: Claims) -> str:
        """The ID token."""
        key = self.published[0]
        return sign_anyhow({"alg": "ES256", "kid": key.kid} | header, claims, key)

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        """What is answered, unless the path has an answer of its own."""
        match path:
            case "/.well-known/openid-configuration":
                return 200, _merged(self._honest_metadata(), self.metadata)
            case "/jwks":
                return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
            case "/token":
                return self._trade(form, authorization)
            case "/userinfo":
                return 200, self.userinfo
        return 404, {}

    def _honest_metadata(self) -> Claims:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
        }

    def _trade(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        given = form.get("client_id"), form.get("client_secret")
        if authorization:  # RFC 6749, section 2.3.1
            basic = b64decode(authorization.removeprefix("Basic ")).decode().split(":")
            given = unquote_plus(basic[0]), unquote_plus(basic[1])
        if given != (self.client_id, self.client_secret):
            return 401, {"error": "invalid_client"}
        code = form.get("code", "")
        asked = self._begun.get(code) if self.reuses_codes else self._begun.pop(code, None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(verifier).decode().rstrip("=")
        if (
            asked is None
            or form.get("redirect_uri") != asked["redirect_uri"]
            or asked.get("code_challenge_method") != "S256"
            or challenge != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant", "error_description": "what a provider says"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300}
        claims = _merged(claims | {"nonce": asked["nonce"]} | asked["claims"], self.id_token)
        tokens = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300}
        return 200, _merged(tokens | {"id_token": self.sign(self.header, claims)}, self.tokens)


@contextmanager
def forging_provider(tls: ssl.SSLContext | None = None) -> Iterator[ForgingProvider]:
    """One that answers for as long as the block runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        issuer = f"http://127.0.0.1:{server.server_port}"
        if tls is not None:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
            issuer = f"https://localhost:{server.server_port}"
        server.provider = ForgingProvider(issuer)  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.provider  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """Answers as the provider says."""

    def _answer(self) -> None:
        provider: ForgingProvider = self.server.provider  # type: ignore[attr-defined]
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        provider.requests.append((path, form))
        with suppress(ConnectionError, ssl.SSLError):
            self._asked = path, form, self.headers.get("Authorization", "")
            if path in provider.answers:
                provider.answers[path](self)
            else:
                status, said = provider.answer(*self._asked)
                self.say(status, json.dumps(said).encode())

    do_GET = do_POST = _answer  # noqa: N815 - http.server names them

    def honest(self) -> bytes:
        """What would be answered otherwise."""
        _, said = self.server.provider.answer(*self._asked)  # type: ignore[attr-defined]
        return json.dumps(said).encode()

    def say(self, status: int, body: bytes, **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keeps quiet."""


def says(status: int, body: bytes = b"{}", **headers: str) -> Answer:
    """An answer of one's own to a path."""
    return lambda handler: handler.say(status, body, **headers)


def sign_anyhow(header: Claims, claims: Claims, key: Key) -> str:
    """A token with an ES256 signature, whatever its header says."""
    signing = f"{part(header)}.{part(claims)}"
    model = JWSRegistry.algorithms["ES256"]
    return f"{signing}.{base64url(model.sign(signing.encode(), key))}"


def part(value: object) -> str:
    """One of the parts of a token."""
    return base64url(json.dumps(value).encode())


def base64url(value: bytes) -> str:
    """Without padding, as tokens have it."""
    return urlsafe_b64encode(value).decode().rstrip("=")


def _merged(honest: Claims, changed: Claims) -> Claims:
    return {name: value for name, value in (honest | changed).items() if value is not None}
