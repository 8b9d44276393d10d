"""Both ports speak TLS from the same files, and take up new ones without a restart."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from service.ops import http as ops_http
from service.ops.http import OpsServer
from service.ops.pages import text
from service.transport import tls
from service.transport.tls import BadTls, TlsFiles
from tests.integration.ops.conftest import Authority, Files, Pair

ECHO = grpc.method_handlers_generic_handler(
    "test.Echo", {"Echo": grpc.unary_unary_rpc_method_handler(lambda request, context: request)}
)


@contextlib.contextmanager
def grpc_port(loaded: TlsFiles) -> Iterator[int]:
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool, handlers=[ECHO])
        port = server.add_secure_port("127.0.0.1:0", loaded.grpc_credentials())
        server.start()
        yield port
        server.stop(None).wait()


@contextlib.contextmanager
def ops_port(loaded: TlsFiles) -> Iterator[int]:
    server = OpsServer("127.0.0.1", 0, {"/": text(HTTPStatus.OK, "hello")}, loaded.context)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


@pytest.fixture(params=[grpc_port, ops_port], ids=["grpc", "ops"])
def port_of(
    request: pytest.FixtureRequest,
) -> Callable[[TlsFiles], contextlib.AbstractContextManager[int]]:
    return request.param


@pytest.fixture
def loaded(files: Files) -> TlsFiles:
    return TlsFiles(files.cert, files.key, None)


@pytest.fixture
def complaints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is logged as an error."""
    said: list[str] = []
    monkeypatch.setattr(tls.log, "error", lambda event, why: said.append(why))
    return said


def client(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.cert.decode())


def shown(port: int, context: ssl.SSLContext) -> int:
    """The serial number of the certificate that the port shows, once the handshake is through."""
    # HTTP/2 is what gRPC insists on; the ops port does not care.
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        certificate = connection.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(certificate).serial_number


def echo(port: int, credentials: grpc.ChannelCredentials) -> bytes:
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        return channel.unary_unary("/test.Echo/Echo")(b"hello", timeout=10)


def get(port: int, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_call_goes_over_tls(authority: Authority, loaded: TlsFiles) -> None:
    with grpc_port(loaded) as port:
        assert echo(port, grpc.ssl_channel_credentials(authority.cert)) == b"hello"


def test_the_ops_port_answers_over_tls_and_asks_to_stay_with_it(
    authority: Authority, loaded: TlsFiles
) -> None:
    with ops_port(loaded) as port:
        answer = get(port, client(authority))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains\r\n" in answer


def test_plaintext_gets_nothing_from_a_tls_port(loaded: TlsFiles) -> None:
    with ops_port(loaded) as port:
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        with plain, contextlib.suppress(ConnectionError):
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert b"HTTP" not in plain.recv(100)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_nothing_older_than_tls_1_2_is_spoken(
    authority: Authority,
    loaded: TlsFiles,
    port_of: Callable[[TlsFiles], contextlib.AbstractContextManager[int]],
) -> None:
    old = client(authority)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with port_of(loaded) as port, pytest.raises(OSError, match=r"(?i)alert|EOF|reset"):
        shown(port, old)


def test_a_new_pair_is_taken_up_without_a_restart(
    authority: Authority,
    files: Files,
    pair: Pair,
    loaded: TlsFiles,
    port_of: Callable[[TlsFiles], contextlib.AbstractContextManager[int]],
) -> None:
    renewed = authority.issue()
    with port_of(loaded) as port:
        assert shown(port, client(authority)) == pair.serial
        files.put_pair(renewed)
        assert shown(port, client(authority)) == renewed.serial


def test_while_only_the_certificate_is_renewed_the_former_pair_stays(
    authority: Authority,
    files: Files,
    pair: Pair,
    loaded: TlsFiles,
    complaints: list[str],
    port_of: Callable[[TlsFiles], contextlib.AbstractContextManager[int]],
) -> None:
    renewed = authority.issue()
    with port_of(loaded) as port:
        files.put(files.cert, renewed.cert)
        for _ in range(3):
            assert shown(port, client(authority)) == pair.serial
        assert len(complaints) == 1
        files.put(files.key, renewed.key)
        assert shown(port, client(authority)) == renewed.serial


def test_files_that_vanish_for_a_while_are_no_harm(
    authority: Authority, files: Files, pair: Pair, loaded: TlsFiles, complaints: list[str]
) -> None:
    with grpc_port(loaded) as port:
        files.key.unlink()
        assert shown(port, client(authority)) == pair.serial
        assert shown(port, client(authority)) == pair.serial
        assert complaints == [f"GATEHOUSE_TLS_KEY_FILE is '{files.key}': No such file or directory"]


def test_both_ports_take_up_the_same_pair(
    authority: Authority, files: Files, loaded: TlsFiles
) -> None:
    renewed = authority.issue()
    with grpc_port(loaded) as grpc_at, ops_port(loaded) as ops_at:
        files.put_pair(renewed)
        assert shown(ops_at, client(authority)) == renewed.serial
        assert shown(grpc_at, client(authority)) == renewed.serial


class TestClientCertificates:
    """With a client CA, only its certificates get in, on both ports."""

    @pytest.fixture
    def loaded(self, files: Files, authority: Authority) -> TlsFiles:
        files.put(files.client_ca, authority.cert)
        return TlsFiles(files.cert, files.key, files.client_ca)

    def credentials(self, authority: Authority, pair: Pair | None) -> grpc.ChannelCredentials:
        key, cert = (pair.key, pair.cert) if pair else (None, None)
        return grpc.ssl_channel_credentials(authority.cert, key, cert)

    def context(self, authority: Authority, pair: Pair | None, folder: Path) -> ssl.SSLContext:
        context = client(authority)
        if pair is not None:
            own = Files(folder)
            own.put_pair(pair)
            context.load_cert_chain(own.cert, own.key)
        return context

    def test_a_client_of_the_ca_gets_in(
        self, authority: Authority, loaded: TlsFiles, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        own = authority.issue()
        with grpc_port(loaded) as port:
            assert echo(port, self.credentials(authority, own)) == b"hello"
        with ops_port(loaded) as port:
            context = self.context(authority, own, tmp_path_factory.mktemp("client"))
            assert get(port, context).startswith(b"HTTP/1.1 200")

    @pytest.mark.parametrize("stranger", [False, True], ids=["none", "another CA's"])
    def test_others_do_not(
        self,
        authority: Authority,
        loaded: TlsFiles,
        tmp_path_factory: pytest.TempPathFactory,
        stranger: bool,
    ) -> None:
        own = Authority().issue() if stranger else None
        with grpc_port(loaded) as port, pytest.raises(grpc.RpcError) as refused:
            echo(port, self.credentials(authority, own))
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        context = self.context(authority, own, tmp_path_factory.mktemp("client"))
        with ops_port(loaded) as port, contextlib.suppress(OSError):
            assert get(port, context) == b""

    def test_a_ca_that_is_replaced_lets_its_former_clients_in_no_more(
        self, authority: Authority, files: Files, loaded: TlsFiles
    ) -> None:
        own, successor = authority.issue(), Authority()
        with grpc_port(loaded) as port:
            assert echo(port, self.credentials(authority, own)) == b"hello"
            files.put(files.client_ca, successor.cert)
            assert echo(port, self.credentials(authority, successor.issue())) == b"hello"
            with pytest.raises(grpc.RpcError):
                echo(port, self.credentials(authority, own))


def test_handshakes_that_never_end_do_not_keep_a_probe_out(
    authority: Authority, loaded: TlsFiles
) -> None:
    with ops_port(loaded) as port, contextlib.ExitStack() as open_connections:
        for _ in range(2 * ops_http._MOST_CONNECTIONS):
            silent = socket.create_connection(("127.0.0.1", port), timeout=10)
            open_connections.enter_context(silent)
            silent.sendall(b"\x16\x03\x01")
        assert get(port, client(authority)).startswith(b"HTTP/1.1 200")


def test_a_handshake_that_never_ends_is_cut_off(
    loaded: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops_http, "_DEADLINE", 0.3)
    with ops_port(loaded) as port:
        started = time.monotonic()
        silent = socket.create_connection(("127.0.0.1", port), timeout=10)
        with silent, contextlib.suppress(ConnectionError):
            silent.sendall(b"\x16\x03\x01")
            assert silent.recv(1) == b""
        assert time.monotonic() - started < 3


def test_handshakes_succeed_all_through_renewals(
    authority: Authority, files: Files, pair: Pair, loaded: TlsFiles
) -> None:
    renewals = [authority.issue(), authority.issue()]
    stopping = threading.Event()

    def renew() -> None:
        while not stopping.is_set():
            for renewed in renewals:
                files.put_pair(renewed)

    with ops_port(loaded) as port, ThreadPoolExecutor(5) as threads:
        renewing = threads.submit(renew)
        try:
            seen = set(threads.map(lambda _: shown(port, client(authority)), range(100)))
        finally:
            stopping.set()
        renewing.result()
    assert seen <= {pair.serial, *(renewed.serial for renewed in renewals)}


class TestStart:
    """What cannot be used stops the start, in one line that names the file."""

    def refusal(self, files: Files, *, client_ca: bool = False) -> str:
        with pytest.raises(BadTls) as caught:
            TlsFiles(files.cert, files.key, files.client_ca if client_ca else None)
        line = str(caught.value)
        assert "\n" not in line
        assert "PRIVATE" not in line
        return line

    def test_a_missing_file(self, files: Files) -> None:
        files.cert.unlink()
        line = self.refusal(files)
        assert line == f"GATEHOUSE_TLS_CERT_FILE is '{files.cert}': No such file or directory"

    def test_a_folder_in_place_of_a_file(self, files: Files) -> None:
        files.key.unlink()
        files.key.mkdir()
        line = self.refusal(files)
        assert line == f"GATEHOUSE_TLS_KEY_FILE is '{files.key}': Is a directory"

    def test_a_key_of_another_certificate(self, files: Files, authority: Authority) -> None:
        files.put(files.key, authority.issue().key)
        line = self.refusal(files)
        assert line.startswith(f"GATEHOUSE_TLS_KEY_FILE is '{files.key}': it is not the key of")
        assert str(files.cert) in line

    def test_an_encrypted_key(self, files: Files, pair: Pair) -> None:
        files.put(files.key, pair.encrypted_key)
        assert "the key is encrypted" in self.refusal(files)

    def test_the_two_in_each_others_place(self, files: Files, pair: Pair) -> None:
        files.put(files.cert, pair.key)
        files.put(files.key, pair.cert)
        assert "it takes a PEM certificate chain" in self.refusal(files)

    @pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\n"])
    def test_a_key_file_with_something_else(self, files: Files, content: bytes) -> None:
        files.put(files.key, content)
        assert "it takes a PEM private key" in self.refusal(files)

    @pytest.mark.parametrize("content", [b"", b"hello", b"\xff"])
    def test_a_client_ca_with_something_else(self, files: Files, content: bytes) -> None:
        files.put(files.client_ca, content)
        line = self.refusal(files, client_ca=True)
        assert line == (
            f"GATEHOUSE_TLS_CLIENT_CA_FILE is '{files.client_ca}': it takes PEM certificates"
        )
