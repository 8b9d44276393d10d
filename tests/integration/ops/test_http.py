"""The ops port answers what it should, hardened, and no client can keep another out."""

import contextlib
import errno
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest

from service.kernel.errors import Unavailable
from service.ops import http as ops_http
from service.ops.http import OpsServer
from service.ops.metrics import create_registry
from service.ops.pages import pages
from service.ops.ports import PortInUse

PATHS = [
    "/metrics",
    "/livez",
    "/readyz",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
]
KEY = {"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256", "x": "x", "y": "y"}


class State:
    """What the pages tell of."""

    def __init__(self) -> None:
        self.unready = ""
        self.jwks: Callable[[], dict[str, object]] = lambda: {"keys": [KEY]}

    def current_jwks(self) -> dict[str, object]:
        return self.jwks()

    def pages(self) -> dict[str, ops_http.Page]:
        return pages(
            create_registry(),
            unready=lambda: self.unready,
            jwks=self.current_jwks,
            issuer="https://id.example.com/",
        )


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def server(state: State) -> Iterator[OpsServer]:
    started = OpsServer("127.0.0.1", 0, state.pages())
    started.start()
    yield started
    started.stop()


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def ask(server: OpsServer, path: str, method: str = "GET", **more: object) -> Answer:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(client):
        client.request(method, path, **more)
        return Answer(client.getresponse())


def connect(server: OpsServer, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(sent)
    return connection


def raw(server: OpsServer, request: bytes) -> bytes:
    """All that comes back for these bytes."""
    with connect(server, request) as connection, contextlib.suppress(ConnectionResetError):
        return b"".join(iter(lambda: connection.recv(65536), b""))
    return b""


def assert_hardened(answer: Answer) -> None:
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"]
    assert "Server" not in answer.headers
    assert "Strict-Transport-Security" not in answer.headers  # plaintext: it would be ignored


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_hardened_and_answers_head_alike(server: OpsServer, path: str) -> None:
    got, head = ask(server, path), ask(server, path, "HEAD")
    assert got.status == head.status == HTTPStatus.OK
    assert_hardened(got)
    assert_hardened(head)
    assert int(got.headers["Content-Length"]) == len(got.body) > 0
    assert head.body == b""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/readyz", 405),
        ("OPTIONS", "/livez", 405),
    ],
)
def test_refusals_are_hardened_and_not_kept(
    server: OpsServer, method: str, path: str, status: int
) -> None:
    answer = ask(server, path, method)
    assert answer.status == status
    assert_hardened(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Allow"] == ("GET, HEAD" if status == 405 else None)


def test_a_request_with_a_body_is_refused_without_reading_it(server: OpsServer) -> None:
    assert ask(server, "/metrics", "POST", body=b"x" * 4096).status == 405


def test_metrics_are_prometheus_text(server: OpsServer) -> None:
    answer = ask(server, "/metrics?name=x")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"\nprocess_resident_memory_bytes " in answer.body


def test_readiness_says_in_one_line_why_not(server: OpsServer, state: State) -> None:
    assert ask(server, "/readyz").body == b"ready\n"
    state.unready = "PostgreSQL is away:\nconnection refused"
    answer = ask(server, "/readyz")
    assert answer.status == 503
    assert answer.body == b"PostgreSQL is away: connection refused\n"
    assert_hardened(answer)
    assert ask(server, "/livez").status == 200


def test_keys_may_be_kept_for_a_short_time(server: OpsServer) -> None:
    answer = ask(server, "/.well-known/jwks.json")
    assert json.loads(answer.body) == {"keys": [KEY]}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_verifiers_find_the_keys_from_the_issuer(server: OpsServer) -> None:
    found = json.loads(ask(server, "/.well-known/openid-configuration").body)
    assert found["issuer"] == "https://id.example.com/"
    assert found["jwks_uri"] == "https://id.example.com/.well-known/jwks.json"
    assert found["id_token_signing_alg_values_supported"] == ["ES256"]


def test_keys_that_cannot_be_had_now_are_not_kept_as_an_answer(
    server: OpsServer, state: State
) -> None:
    def away() -> dict[str, object]:
        raise Unavailable("The database is away; retry.")

    state.jwks = away
    answer = ask(server, "/.well-known/jwks.json")
    assert answer.status == 503
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Retry-After"] == "1"


def test_an_unexpected_fault_says_nothing_of_itself(server: OpsServer, state: State) -> None:
    state.jwks = lambda: {"hunter2": object()}
    answer = ask(server, "/.well-known/jwks.json")
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
    assert_hardened(answer)


def test_liveness_is_told_while_pages_wait(server: OpsServer, state: State) -> None:
    release = threading.Event()
    state.jwks = lambda: {"keys": [release.wait(10)]}
    waiting = [connect(server, b"GET /.well-known/jwks.json HTTP/1.1\r\n\r\n") for _ in range(5)]
    try:
        assert ask(server, "/livez").status == 200
    finally:
        release.set()
        for connection in waiting:
            connection.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /livez HTTP/1.0\r\n\r\n", 200),
        (b"GET\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET  /livez HTTP/1.1\r\n\r\n", 400),
        (b"GET http://evil/livez HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\xff\r\n\r\n", 400),
        (b"GET /livez HTTP/2.0\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 431),
    ],
)
def test_requests_are_read_strictly(server: OpsServer, request_bytes: bytes, status: int) -> None:
    answer = raw(server, request_bytes)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in answer


def test_an_answer_to_head_ends_with_its_head(server: OpsServer) -> None:
    assert raw(server, b"HEAD /metrics HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n")


def test_headers_without_an_end_are_cut_off(server: OpsServer) -> None:
    def send_for(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            client.sendall(b"X-Header: a\r\n" * 1000)

    with connect(server, b"GET /livez HTTP/1.1\r\n") as client, pytest.raises(ConnectionError):
        send_for(ops_http._DEADLINE / 2)


def test_a_client_that_comes_and_goes_is_no_fault(
    server: OpsServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(server).close()
    connect(server, b"GET /li").close()
    assert ask(server, "/livez").status == 200
    assert "fault" not in caplog.text + capsys.readouterr().out


def test_a_dripping_client_is_cut_off_in_time(
    server: OpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops_http, "_DEADLINE", 0.5)
    started = time.monotonic()
    with connect(server) as slow, contextlib.suppress(ConnectionError):
        slow.settimeout(0.05)
        while time.monotonic() - started < 5:
            slow.sendall(b"X")
            with contextlib.suppress(TimeoutError):
                assert slow.recv(1) == b""
                break
    assert 0.3 < time.monotonic() - started < 4


def test_slow_clients_in_any_number_do_not_keep_a_probe_out(server: OpsServer) -> None:
    slow = [connect(server, b"GET /livez HTTP/1.1\r\n") for _ in range(200)]
    try:
        assert ask(server, "/livez").status == 200
        assert len(server._connections) <= ops_http._MOST_CONNECTIONS
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_does_not_read_does_not_stay(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops_http, "_DEADLINE", 0.5)
    large = ops_http.text(HTTPStatus.OK, "x" * 20_000_000)
    server = OpsServer("127.0.0.1", 0, {"/large": large})
    server.start()
    try:
        with connect(server, b"GET /large HTTP/1.1\r\n\r\n"):
            deadline = time.monotonic() + 5
            time.sleep(0.1)
            while server._connections and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not server._connections
    finally:
        server.stop()


def test_it_accepts_again_when_file_descriptors_come_free(
    server: OpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, failures = socket.socket.accept, [OSError(errno.EMFILE, "Too many open files")] * 2

    def failing(listener: socket.socket) -> object:
        if failures:
            raise failures.pop()
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", failing)
    assert ask(server, "/livez").status == 200
    assert not failures


def test_it_listens_on_ipv6(state: State) -> None:
    server = OpsServer("::1", 0, state.pages())
    try:
        server.start()
    except OSError:
        pytest.skip("no IPv6 here")
    try:
        with socket.create_connection(("::1", server.port), timeout=10) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
    finally:
        server.stop()


def test_stopping_is_quick_and_frees_the_port(state: State) -> None:
    server = OpsServer("127.0.0.1", 0, state.pages())
    server.start()
    with connect(server, b"GET /livez HTTP/1.1\r\n") as unfinished:
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 4
        with contextlib.suppress(ConnectionError):
            assert unfinished.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(server)
    OpsServer("127.0.0.1", server.port, state.pages()).stop()


def test_a_port_that_is_taken_is_refused_at_the_start(server: OpsServer, state: State) -> None:
    second = OpsServer("127.0.0.1", server.port, state.pages())
    with pytest.raises(
        PortInUse, match=f"^cannot listen on 127.0.0.1:{server.port}, which is in use"
    ):
        second.start()
    second.stop()
