"""The channel to Gatehouse, as every client should have it."""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from gatehouse_client.access_tokens import AccessTokens, Given, tokens_for
from gatehouse_client.credentials import Credentials
from gatehouse_client.every_call import EveryCall
from gatehouse_client.retries import SERVICE_CONFIG

DEADLINE = 10.0

OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.service_config", SERVICE_CONFIG),
    # A dead server is noticed within 40 s, by streams too; it allows a ping every 10 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Else, after a server was away for long, it is tried again only every two minutes.
    ("grpc.max_reconnect_backoff_ms", 10_000),
    # A page of 1000 users with all their attributes.
    ("grpc.max_receive_message_length", 128 * 1024 * 1024),
    # A refusal travels in metadata, with a line for each field that is wrong.
    ("grpc.max_metadata_size", 32 * 1024),
]


def connect(
    target: str,
    *,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    plaintext: bool | None = None,
    token: Callable[[], str] | None = None,
    credentials: Credentials | None = None,
    deadline: float | None = DEADLINE,
) -> grpc.Channel:
    """A channel to the Gatehouse at `target`, `host:port` or any other name that gRPC resolves.

    It is encrypted unless the target is this machine and no `ca_file` is given; `plaintext` decides
    otherwise. The server must show a certificate of the CA in `ca_file`, by default of one that
    gRPC itself trusts; where it asks for a certificate in turn, it is shown that of `cert_file`
    and `key_file`.

    `credentials` are a `Password`, an `ApiKey` or a `TokenFile`. They give each call an access
    token, got with the first call and replaced ahead of its end; a call raises what signing in
    raised, when there is no good token left. Instead, `token` is asked before each call for the
    token to send. Without either, calls carry no token. A call that brings `authorization` metadata
    of its own keeps that.

    `deadline` is the seconds a unary call may take that sets no timeout; streams have none unless
    they set one. Calls are balanced over all addresses of the target, and retried as `retries.py`
    says. Close the channel when it is done with, as `with` does.

    Raises OSError when a file cannot be read, ValueError for files that contradict `plaintext`, and
    for both `token` and `credentials`.
    """
    if token and credentials:
        raise ValueError("either token or credentials")
    secured = channel_credentials(target, ca_file, cert_file, key_file, plaintext=plaintext)
    if secured is None:
        channel = grpc.insecure_channel(target, options=OPTIONS)
    else:
        channel = grpc.secure_channel(target, secured, options=OPTIONS)
    tokens: AccessTokens | None = None
    if token:
        tokens = Given(token)
    elif credentials:
        tokens = tokens_for(credentials, grpc.intercept_channel(channel, EveryCall(None, DEADLINE)))
    return grpc.intercept_channel(channel, EveryCall(tokens, deadline))


def channel_credentials(
    target: str,
    ca_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
    *,
    plaintext: bool | None,
) -> grpc.ChannelCredentials | None:
    """How the channel is encrypted; None for plaintext. Raises OSError, ValueError."""
    files = ca_file or cert_file or key_file
    if plaintext and files:
        raise ValueError("a plaintext channel uses no certificates")
    if bool(cert_file) != bool(key_file):
        raise ValueError("cert_file and key_file go together")
    if plaintext is None:
        plaintext = not files and is_loopback(target)
    if plaintext:
        return None
    return grpc.ssl_channel_credentials(
        root_certificates=_read(ca_file),
        private_key=_read(key_file),
        certificate_chain=_read(cert_file),
    )


def is_loopback(target: str) -> bool:
    """Whether only this machine can be meant."""
    if target.startswith("unix:"):
        return True
    try:
        host = urlsplit(f"//{target}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
