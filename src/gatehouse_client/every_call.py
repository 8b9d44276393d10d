"""What every call of a client carries."""

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc

_AUTHORIZATION = "authorization"


class _Details(NamedTuple):
    """A call as gRPC hands it to interceptors, with what we put in."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class EveryCall(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Sends the token with every call, and gives unary calls without a timeout a deadline.

    Not call credentials, which gRPC never sends over plaintext, not even to this machine; and not
    the service config's timeout, which would end streams too.
    """

    def __init__(self, token: Callable[[], str] | None, deadline: float | None) -> None:
        self._token = token
        self._deadline = deadline

    def intercept_unary_unary(
        self, continuation: Any, client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        """One in, one out."""
        return continuation(self._filled(client_call_details, self._deadline), request)

    def intercept_unary_stream(
        self, continuation: Any, client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        """One in, many out."""
        return continuation(self._filled(client_call_details, None), request)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: grpc.ClientCallDetails, request_iterator: Any
    ) -> Any:
        """Many in, one out."""
        return continuation(self._filled(client_call_details, None), request_iterator)

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: grpc.ClientCallDetails, request_iterator: Any
    ) -> Any:
        """Many in, many out."""
        return continuation(self._filled(client_call_details, None), request_iterator)

    def _filled(self, given: grpc.ClientCallDetails, deadline: float | None) -> _Details:
        metadata = list(given.metadata or ())
        if self._token and not any(name == _AUTHORIZATION for name, _ in metadata):
            metadata.append((_AUTHORIZATION, f"Bearer {self._token()}"))
        return _Details(
            given.method,
            deadline if given.timeout is None else given.timeout,
            metadata,
            given.credentials,
            given.wait_for_ready,
            given.compression,
        )
