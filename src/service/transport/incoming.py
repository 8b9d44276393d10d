"""Reading what a call brings: its token, its message, its request id, where it comes from."""

import hashlib
from urllib.parse import unquote

from google.protobuf.message import DecodeError, Message

from service.kernel.call import Call, RequestKey
from service.kernel.errors import InvalidArgument, Unauthenticated
from service.kernel.reasons import ErrorReason
from service.transport.methods import Method


class TokenMissing(Unauthenticated):
    """The method needs a token and the call carries none, or none that can be read."""

    reason = ErrorReason.TOKEN_MISSING


class MalformedMessage(InvalidArgument):
    """The bytes are no message of the method's request type."""

    reason = ErrorReason.MALFORMED_MESSAGE


class HeaderExpected(InvalidArgument):
    """A stream begins with one header, and has no other."""

    reason = ErrorReason.HEADER_EXPECTED


def bearer(authorization: str | None) -> str:
    """The access token in `Bearer <token>` (RFC 6750). Raises TokenMissing."""
    if authorization is None:
        raise TokenMissing("Sign in and send the metadata `authorization: Bearer <access token>`.")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenMissing("Send one `authorization` entry of the form `Bearer <access token>`.")
    return token


def decode(method: Method, payload: bytes) -> Message:
    """The request. Raises MalformedMessage."""
    try:
        return method.request.FromString(payload)
    except DecodeError:
        raise MalformedMessage(f"The bytes are no {method.request.DESCRIPTOR.full_name}.") from None


def request_key(method: Method, request: Message, request_id: str, call: Call) -> RequestKey:
    """What tells this request from others, for one that carries a `request_id`."""
    # Made deterministic, because clients' bytes may differ between retries in the order of maps.
    # The scopes are part of it, so that a narrower token is not answered what a wider one was.
    body = request.SerializeToString(deterministic=True)
    scopes = " ".join(sorted(call.principal.scopes))
    digest = hashlib.sha256(f"{method.full_name}\0{scopes}\0".encode() + body).digest()
    return RequestKey(call.principal.subject, request_id, digest)


def address_of(peer: str) -> str:
    """The network address in gRPC's `ipv4:127.0.0.1:5000`, `ipv6:%5B::1%5D:5000` or `unix:…`."""
    transport, _, address = peer.partition(":")
    if transport not in {"ipv4", "ipv6"}:
        return transport
    return unquote(address.rpartition(":")[0]).strip("[]")
