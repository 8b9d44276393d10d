"""Whether the server could listen where it is told to, or does already."""

import errno
import json
import socket
import ssl
from contextlib import suppress
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from service.cli.failure import Failed
from service.settings import Address, Settings

_PATIENCE = 2.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked for, not bound


def reachable(address: Address, port: int) -> Address:
    """Where a client on this machine finds what listens at the address."""
    return Address(_EVERYWHERE.get(address.host, address.host), port)


class Listening:
    """Looks at both ports."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def grpc(self) -> str:
        """What was found at the gRPC address. Raises Failed."""
        return self._look("GATEHOUSE_GRPC_ADDRESS", self._settings.grpc_address)

    def ops(self) -> str:
        """What was found at the ops address. Raises Failed."""
        return self._look("GATEHOUSE_OPS_ADDRESS", self._settings.ops_address)

    def _look(self, setting: str, address: Address) -> str:
        if address.port == 0:
            return "any that is free"
        why = _refusal(address)
        if why is None:
            return f"{address} is free"
        if why == errno.EADDRINUSE and self._server_runs:
            return f"a running Gatehouse listens at {address}"
        problem = {
            errno.EADDRINUSE: "is in use by another program: stop it, or set",
            errno.EACCES: "may be opened by root only: set",
            errno.EADDRNOTAVAIL: "is no address of this machine: set",
        }.get(why, "cannot be listened on: set")
        raise Failed(f"{address} {problem} {setting}")

    @cached_property
    def _server_runs(self) -> bool:
        """Whether a Gatehouse of our issuer answers at the ops address."""
        address = reachable(self._settings.ops_address, self._settings.ops_address.port)
        connection = HTTPConnection(address.host, address.port, timeout=_PATIENCE)
        if self._settings.tls_cert_file is not None:
            # Nothing secret is said or believed; the certificate's names may not be this machine's.
            trusting = ssl.create_default_context()
            trusting.check_hostname = False
            trusting.verify_mode = ssl.CERT_NONE
            connection = HTTPSConnection(
                address.host, address.port, timeout=_PATIENCE, context=trusting
            )
        with suppress(OSError, HTTPException, ValueError, LookupError, TypeError):
            connection.request("GET", "/.well-known/openid-configuration")
            return bool(json.load(connection.getresponse())["issuer"] == self._settings.issuer)
        return False


def _refusal(address: Address) -> int | None:
    """The error number that listening there ends with, if it does."""
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, where = found[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(where)
            tried.listen(1)
    except OSError as error:
        return error.errno or -1
    return None
