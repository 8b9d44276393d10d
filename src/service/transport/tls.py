"""TLS from files, for the gRPC port and the ops port alike, and again when the files change."""

import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

_CERT = "GATEHOUSE_TLS_CERT_FILE"
_KEY = "GATEHOUSE_TLS_KEY_FILE"
_CLIENT_CA = "GATEHOUSE_TLS_CLIENT_CA_FILE"

log = structlog.get_logger("gatehouse.tls")


class BadTls(Exception):
    """The files cannot be used: one line that names the setting, the file and what is wrong."""

    def __init__(self, setting: str, path: Path, problem: str) -> None:
        super().__init__(f"{setting} is '{path}': {problem}")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What one reading of the files gave."""

    context: ssl.SSLContext
    configuration: grpc.ServerCertificateConfiguration


class TlsFiles:
    """A certificate chain, its key, and the CA of the clients if they must present a certificate.

    The files are looked at before each handshake, three `stat` in some microseconds. What cannot be
    used is logged once and the former stays: a renewed certificate may stand beside the old key for
    a moment.
    """

    def __init__(self, cert_file: Path, key_file: Path, client_ca_file: Path | None) -> None:
        """Reads the files. Raises BadTls."""
        self._cert_file = cert_file
        self._key_file = key_file
        self._client_ca_file = client_ca_file
        self._lock = threading.Lock()
        self._seen = self._stamps()
        self._loaded = self._load()

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Credentials for a gRPC port. gRPC itself takes TLS 1.2 and 1.3 only."""
        given = self._loaded

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal given
            current = self._current()
            if current is given:
                return None
            given = current
            return current.configuration

        return grpc.dynamic_ssl_server_credentials(
            given.configuration,
            renewed,  # type: ignore[arg-type]  # its stubs forgot "no change", None
            require_client_authentication=self._client_ca_file is not None,
        )

    def context(self) -> ssl.SSLContext:
        """The context for the next connection: TLS 1.2 or newer."""
        return self._current().context

    def _current(self) -> _Loaded:
        with self._lock:
            stamps = self._stamps()
            if stamps != self._seen:
                self._seen = stamps
                try:
                    self._loaded = self._load()
                    log.info("TLS files taken up", cert_file=str(self._cert_file))
                except BadTls as error:
                    log.error("TLS files not taken up, the former are kept", why=str(error))
            return self._loaded

    def _stamps(self) -> list[tuple[int, ...]]:
        files = (self._cert_file, self._key_file, self._client_ca_file)
        return [_stamp(path) for path in files if path]

    def _load(self) -> _Loaded:
        chain, key = _read(_CERT, self._cert_file), _read(_KEY, self._key_file)
        self._require_pair(chain, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # An empty password, lest OpenSSL asks on the terminal for that of an encrypted key.
            context.load_cert_chain(self._cert_file, self._key_file, password="")
        except (OSError, ValueError) as error:
            raise BadTls(_CERT, self._cert_file, _why(error)) from None
        clients = None
        if self._client_ca_file:
            clients = self._require_clients(context, self._client_ca_file)
        return _Loaded(context, grpc.ssl_server_certificate_configuration([(key, chain)], clients))

    def _require_pair(self, chain: bytes, key: bytes) -> None:
        try:
            leaf = x509.load_pem_x509_certificates(chain)[0].public_key()
        except (ValueError, UnsupportedAlgorithm):
            raise BadTls(_CERT, self._cert_file, "it takes a PEM certificate chain") from None
        try:
            own = load_pem_private_key(key, password=None).public_key()
        except TypeError:
            raise BadTls(_KEY, self._key_file, "the key is encrypted, it must not be") from None
        except (ValueError, UnsupportedAlgorithm):
            raise BadTls(_KEY, self._key_file, "it takes a PEM private key") from None
        spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if leaf.public_bytes(*spki) != own.public_bytes(*spki):
            problem = f"it is not the key of the first certificate in '{self._cert_file}'"
            raise BadTls(_KEY, self._key_file, problem)

    def _require_clients(self, context: ssl.SSLContext, path: Path) -> bytes:
        """Makes clients present a certificate of the CA; answers the CA."""
        authorities = _read(_CLIENT_CA, path)
        try:
            context.load_verify_locations(cadata=authorities.decode("ascii"))
        except (OSError, ValueError):
            raise BadTls(_CLIENT_CA, path, "it takes PEM certificates") from None
        context.verify_mode = ssl.CERT_REQUIRED
        return authorities


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadTls(setting, path, _why(error)) from None


def _why(error: Exception) -> str:
    """In words: `No such file or directory`, or OpenSSL's such as `EE_KEY_TOO_SMALL`."""
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _stamp(path: Path) -> tuple[int, ...]:
    """Differs when the file does; empty for a file that cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns)
