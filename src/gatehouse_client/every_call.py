"""What every call of a client carries."""

from typing import Any, NamedTuple

import grpc

from gatehouse_client.access_tokens import AccessTokens
from gatehouse_client.refusal import Refusal

_AUTHORIZATION = "authorization"

# What says that the token is no good, and not that something else in the request is not.
_TOKEN_REFUSED = {
    "ERROR_REASON_SESSION_REVOKED",
    "ERROR_REASON_TOKEN_EXPIRED",
    "ERROR_REASON_TOKEN_INVALID",
}


class Details(NamedTuple):
    """A call as gRPC hands it to interceptors, with what we put in."""

    method: Any
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: Any


class EveryCall(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Sends the token with every call, and gives unary calls without a timeout a deadline.

    A unary call whose token was refused is made once more with another token: a refused call has
    done nothing. A stream, and a call that is not waited for, ends with the refusal; the next call
    has the other.

    Not call credentials, which gRPC never sends over plaintext, not even to this machine; and not
    the service config's timeout, which would end streams too.
    """

    def __init__(self, tokens: AccessTokens | None, deadline: float | None) -> None:
        self._tokens = tokens
        self._deadline = deadline

    def intercept_unary_unary(
        self, continuation: Any, client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        """One in, one out."""
        token = self._token(client_call_details)
        call = continuation(filled(client_call_details, token, self._deadline), request)
        if not call.done():
            call.add_done_callback(lambda ended: self._refused(ended, token))
        elif self._refused(call, token):
            token = self._token(client_call_details)
            return continuation(filled(client_call_details, token, self._deadline), request)
        return call

    def intercept_unary_stream(
        self, continuation: Any, client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        """One in, many out."""
        return self._streaming(continuation, client_call_details, request)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: grpc.ClientCallDetails, request_iterator: Any
    ) -> Any:
        """Many in, one out."""
        return self._streaming(continuation, client_call_details, request_iterator)

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: grpc.ClientCallDetails, request_iterator: Any
    ) -> Any:
        """Many in, many out."""
        return self._streaming(continuation, client_call_details, request_iterator)

    def _streaming(self, continuation: Any, given: grpc.ClientCallDetails, request: Any) -> Any:
        token = self._token(given)
        call = continuation(filled(given, token, None), request)
        call.add_done_callback(lambda ended: self._refused(ended, token))
        return call

    def _token(self, given: grpc.ClientCallDetails) -> str | None:
        return None if self._tokens is None or brings_its_own(given) else self._tokens.current()

    def _refused(self, call: Any, token: str | None) -> bool:
        return (
            token is not None
            and self._tokens is not None
            and is_refused(call)
            and self._tokens.refused(token)
        )


def brings_its_own(given: Any) -> bool:
    """Whether the caller has put authorization metadata in."""
    return any(name == _AUTHORIZATION for name, _ in given.metadata or ())


def filled(given: Any, token: str | None, deadline: float | None) -> Details:
    """The call with the token, and with the deadline if it has no timeout."""
    metadata = list(given.metadata or ())
    if token is not None:
        metadata.append((_AUTHORIZATION, f"Bearer {token}"))
    return Details(
        given.method,
        deadline if given.timeout is None else given.timeout,
        metadata,
        given.credentials,
        given.wait_for_ready,
        getattr(given, "compression", None),
    )


def is_refused(call: Any) -> bool:
    """Whether Gatehouse did not accept the token of a call that has ended."""
    if call.code() is not grpc.StatusCode.UNAUTHENTICATED:
        return False
    return Refusal.of(call).reason in _TOKEN_REFUSED
