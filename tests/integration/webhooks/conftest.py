"""Receivers on loopback, without and with TLS, and messages to post to them."""

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.kernel import names
from service.webhooks.models import Claim, Message
from tests.integration.ops.conftest import Authority


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A receiver's, with a certificate for localhost of an authority that nobody knows."""
    return server_context(Authority(), tmp_path)


@pytest.fixture
def trusted_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The same of an authority that this process trusts."""
    authority = Authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_bytes(authority.cert)
    return server_context(authority, tmp_path)


def server_context(authority: Authority, folder: Path) -> ssl.SSLContext:
    pair = authority.issue()
    (folder / "pair.pem").write_bytes(pair.cert + pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "pair.pem")
    return context


def a_message(url: str, body: bytes = b"{}") -> Message:
    """A message to anywhere."""
    claim = Claim(names.new_id(), names.new_id(), 1, datetime.now(UTC), url, [])
    return Message(claim, {"webhook-id": "1"}, body)


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Lets names lead to what is given, another for each time that is asked; answers who asked."""

    def lie(*answers: list[str]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            asked.append(host)
            return [_info(it, port) for it in answers[min(len(asked), len(answers)) - 1]]

        monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
        return asked

    return lie


def _info(address: str, port: int) -> Any:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sockaddr = (address, port, 0, 0) if ":" in address else (address, port)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", sockaddr)
