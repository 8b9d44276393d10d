"""HTTP with an identity provider, which may be slow, broken, or somebody else by now.

Every answer is bounded in time and size, and a redirect is none: what we send, and whom we
believe, is for the addresses that the provider has published. An operator's proxy (`HTTPS_PROXY`,
`NO_PROXY`) and CAs (`REQUESTS_CA_BUNDLE`) are honoured, being the only way out of some networks;
credentials in a `.netrc` are not, since every request says itself who asks.
"""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from io import BytesIO
from threading import Event, Timer
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from service.auth.errors import ProviderUnavailable

_PATIENCE = 5.0  # seconds for each wait, and for the whole of an answer
_MOST_BYTES = 512 * 1024
_AT_ONCE = 16 * 1024
_SLOW = "slower than an answer may be"


def bind(session: requests.Session) -> None:
    """All that the session asks is asked as above. Its calls raise ProviderUnavailable."""
    session.mount("https://", _Bounded())
    session.mount("http://", _Bounded())


def get_json(url: str, *, token: str = "") -> dict[str, Any]:
    """The object at `url`, which `token` lets us read. Raises ProviderUnavailable."""
    try:
        with requests.Session() as session:
            bind(session)
            response = session.get(url, headers={"Accept": "application/json"}, auth=_Bearer(token))
    except (requests.RequestException, ValueError) as error:  # no URL, or a token that is no header
        raise ProviderUnavailable(type(error).__name__) from None
    if response.status_code != requests.codes.ok:
        raise ProviderUnavailable(f"status {response.status_code}")
    try:
        found = response.json()
    except (ValueError, RecursionError):
        raise ProviderUnavailable("no JSON") from None
    if not isinstance(found, dict):
        raise ProviderUnavailable("no JSON object")
    return found


class _Bearer(requests.auth.AuthBase):
    """A bearer token, or nobody's."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Bounded(HTTPAdapter):
    """Reads the whole of an answer at once, within the bounds."""

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = _HTTPSConnection if pool.scheme == "https" else _HTTPConnection
        return pool

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        deadline = monotonic() + _PATIENCE
        try:
            response = super().send(request, **options | {"stream": True, "timeout": _PATIENCE})
            with closing(response.raw) as raw:
                response.raw = BytesIO(_content(raw, deadline))
        except (requests.RequestException, HTTPError) as error:
            raise ProviderUnavailable(type(error).__name__) from None
        status = response.status_code
        if not requests.codes.ok <= status < requests.codes.server_error or response.is_redirect:
            raise ProviderUnavailable(f"status {status}")
        return response


class _HTTPConnection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 has it
        with _hurried(self.sock):
            return super().getresponse()


class _HTTPSConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 has it
        with _hurried(self.sock):
            return super().getresponse()


@contextmanager
def _hurried(connected: socket.socket) -> Iterator[None]:
    """Hangs up on headers that drip: each of their bytes alone would be in time.

    Raises ProviderUnavailable, since http.client takes an end for the end of the headers.
    """
    late = Event()
    guard = Timer(_PATIENCE, _hang_up, [connected, late])
    guard.start()
    try:
        yield
    finally:
        guard.cancel()
    if late.is_set():
        raise ProviderUnavailable(_SLOW)


def _hang_up(connected: socket.socket, late: Event) -> None:
    late.set()
    with suppress(OSError):  # has ended meanwhile
        connected.shutdown(socket.SHUT_RDWR)


def _content(raw: HTTPResponse, deadline: float) -> bytes:
    content = bytearray()
    while part := raw.read1(_AT_ONCE, decode_content=True):
        content += part
        if len(content) > _MOST_BYTES:
            raise ProviderUnavailable("more than an answer may have")
        if monotonic() > deadline:
            raise ProviderUnavailable(_SLOW)
    return bytes(content)
