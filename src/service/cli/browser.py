"""Signing in at an identity provider with the browser of this machine (RFC 8252)."""

import re
import secrets
import webbrowser
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import typer
from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1.tokens_pb2 import Tokens

from service.cli.client import Client
from service.cli.failure import Failed
from service.cli.visible import visible

_PATIENCE = 600.0  # seconds: as long as a state is good
_PAGE = b"Go back to the terminal; you can close this page.\n"


def sign_in(client: Client, provider: str, redirect_uri: str, device: str) -> Tokens:
    """The tokens of whom the provider signs in. Raises Failed, grpc.RpcError."""
    # Whoever sees the browser come back, at a port that any program here may take, lacks this.
    verifier = secrets.token_urlsafe(32)
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    with _listening(redirect_uri) as server:
        asked = pb.BeginFederatedLoginRequest(
            provider=provider, redirect_uri=redirect_uri, code_challenge=challenge
        )
        begun = client.public.BeginFederatedLogin(asked)
        _require_page(begun.authorization_url)
        client.screen.note(f"Sign in with your browser: {begun.authorization_url}")
        webbrowser.open(begun.authorization_url)
        back = server.wait_for(begun.state)
    if "code" not in back:
        raise Failed(f"the provider did not sign you in: {visible(back.get('error', 'no code'))}")
    request = pb.CompleteFederatedLoginRequest(
        state=begun.state,
        code=back["code"],
        issuer=back.get("iss", ""),
        code_verifier=verifier,
        device=device,
    )
    return client.public.CompleteFederatedLogin(request).tokens


class _Server(ThreadingHTTPServer):
    """Waits for the browser to come back with the state; whatever else is asked is not found.

    A thread for each request: any program here may connect, and say nothing for long.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, path: str) -> None:
        self.path = path
        self.state = ""
        self.back: SimpleQueue[dict[str, str]] = SimpleQueue()
        super().__init__((host, port), _Handler)

    def wait_for(self, state: str) -> dict[str, str]:
        """What the browser brings back. Raises Failed."""
        self.state = state
        Thread(target=self.serve_forever, daemon=True).start()
        try:
            return self.back.get(timeout=_PATIENCE)
        except Empty:
            raise Failed("nobody signed in for ten minutes; try again") from None
        finally:
            self.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5.0  # for who connects and says nothing, as browsers do to be quick later

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        brought = dict(parse_qsl(asked.query))
        state = brought.get("state", "").encode()
        expected = self.server.path == asked.path and compare_digest(
            state, self.server.state.encode()
        )
        self.send_response(200 if expected else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(_PAGE if expected else b"Not here.\n")
        self.wfile.flush()
        if expected:  # now that the browser has its page: the program may end
            self.server.back.put(brought)

    def log_message(self, *_: Any) -> None:
        """Nothing: the path has the code in it."""


def _require_page(url: str) -> None:
    """Raises Failed for what no provider has: browsers open files and programs as well."""
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "127.0.0.1"):
        raise Failed(f"the server names no page to sign in at: {visible(url)}")


@contextmanager
def _listening(redirect_uri: str) -> Iterator[_Server]:
    """A server where browsers are sent back to.

    Not at `localhost` (RFC 8252, section 8.3): that may be an address where somebody else listens.
    """
    parts = re.fullmatch(r"http://127\.0\.0\.1:([0-9]{1,5})(/[^?#]*)", redirect_uri)
    if parts is None or int(parts[1]) > 65535:
        raise typer.BadParameter("--redirect-uri takes http://127.0.0.1:PORT/ or a path below it")
    try:
        server = _Server("127.0.0.1", int(parts[1]), parts[2])
    except OSError as error:
        where = f"127.0.0.1:{parts[1]}"
        raise Failed(f"cannot listen for the browser at {where}: {error.strerror}") from None
    with server:
        yield server
