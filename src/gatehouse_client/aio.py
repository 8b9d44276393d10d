"""The channel to Gatehouse for asyncio."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import grpc
import grpc.aio

from gatehouse_client.access_tokens import AccessTokens, tokens_for
from gatehouse_client.channel import DEADLINE, OPTIONS, channel_credentials
from gatehouse_client.channel import connect as connect_blocking
from gatehouse_client.credentials import Credentials
from gatehouse_client.every_call import brings_its_own, filled, is_refused


def connect_aio(
    target: str,
    *,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    plaintext: bool | None = None,
    token: Callable[[], Awaitable[str]] | None = None,
    credentials: Credentials | None = None,
    deadline: float | None = DEADLINE,
) -> grpc.aio.Channel:
    """The same as `connect`, for asyncio; `token` is awaited. Made and used in one event loop.

    Signing in and refreshing go over a second, blocking channel, in a thread. Close the channel
    that is answered, as `async with` does; the second goes when nothing refers to that any more.
    """
    if token and credentials:
        raise ValueError("either token or credentials")
    secured = channel_credentials(target, ca_file, cert_file, key_file, plaintext=plaintext)
    tokens: AioTokens | None = None
    if token:
        tokens = Given(token)
    elif credentials:
        blocking = connect_blocking(
            target, ca_file=ca_file, cert_file=cert_file, key_file=key_file, plaintext=plaintext
        )
        tokens = Awaited(tokens_for(credentials, blocking))
    interceptors = [
        kind(tokens, deadline) for kind in (UnaryUnary, UnaryStream, StreamUnary, StreamStream)
    ]
    if secured is None:
        return grpc.aio.insecure_channel(target, options=OPTIONS, interceptors=interceptors)
    return grpc.aio.secure_channel(target, secured, options=OPTIONS, interceptors=interceptors)


class AioTokens(Protocol):
    """Gives the token for the next call."""

    async def current(self) -> str:
        """The token."""

    def refused(self, token: str) -> bool:
        """Hears that the token was refused; answers whether another is worth a try."""


class Given:
    """Tokens that the caller of `connect_aio` sees to."""

    def __init__(self, token: Callable[[], Awaitable[str]]) -> None:
        self._token = token

    async def current(self) -> str:
        """Asks before each call."""
        return await self._token()

    def refused(self, token: str) -> bool:
        """Nothing can be done about it here."""
        return False


class Awaited:
    """Tokens that threads wait for, without holding up the event loop."""

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens
        self._waiting: asyncio.Future[str] | None = None

    async def current(self) -> str:
        """The token. However many calls wait for one, one thread does."""
        token = self._tokens.ready()
        if token is not None:
            return token
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.ensure_future(asyncio.to_thread(self._tokens.current))
        # One call that is cancelled must not take the token from the others.
        return await asyncio.shield(self._waiting)

    def refused(self, token: str) -> bool:
        """Hears that the token was refused."""
        return self._tokens.refused(token)


class _EveryCall:
    """As `every_call.EveryCall`; grpc.aio wants an object for each kind of call."""

    def __init__(self, tokens: AioTokens | None, deadline: float | None) -> None:
        self._tokens = tokens
        self._deadline = deadline
        self._looking: set[asyncio.Task[None]] = set()

    async def _once(self, continuation: Any, given: Any, request: Any) -> Any:
        token = await self._token(given)
        call = await continuation(_details(given, token, self._deadline), request)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            if self._refused(error, token):
                token = await self._token(given)
                return await continuation(_details(given, token, self._deadline), request)
        return call

    async def _streaming(self, continuation: Any, given: Any, request: Any) -> Any:
        token = await self._token(given)
        call = await continuation(_details(given, token, None), request)

        def ended(_call: Any) -> None:
            looking = asyncio.ensure_future(self._look(call, token))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)

        if token is not None:
            call.add_done_callback(ended)
        return call

    async def _token(self, given: Any) -> str | None:
        if self._tokens is None or brings_its_own(given):
            return None
        return await self._tokens.current()

    async def _look(self, call: Any, token: str | None) -> None:
        if await call.code() is grpc.StatusCode.UNAUTHENTICATED:
            said = (await call.initial_metadata(), await call.trailing_metadata())
            details = await call.details()
            error = grpc.aio.AioRpcError(grpc.StatusCode.UNAUTHENTICATED, *said, details)
            self._refused(error, token)

    def _refused(self, error: grpc.aio.AioRpcError, token: str | None) -> bool:
        return (
            token is not None
            and self._tokens is not None
            and is_refused(error)
            and self._tokens.refused(token)
        )


class UnaryUnary(_EveryCall, grpc.aio.UnaryUnaryClientInterceptor):
    """One in, one out."""

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """With the token and a deadline; again if the token was refused."""
        return await self._once(continuation, client_call_details, request)


class UnaryStream(_EveryCall, grpc.aio.UnaryStreamClientInterceptor):
    """One in, many out."""

    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """With the token."""
        return await self._streaming(continuation, client_call_details, request)


class StreamUnary(_EveryCall, grpc.aio.StreamUnaryClientInterceptor):
    """Many in, one out."""

    async def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """With the token."""
        return await self._streaming(continuation, client_call_details, request_iterator)


class StreamStream(_EveryCall, grpc.aio.StreamStreamClientInterceptor):
    """Many in, many out."""

    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """With the token."""
        return await self._streaming(continuation, client_call_details, request_iterator)


def _details(given: Any, token: str | None, deadline: float | None) -> grpc.aio.ClientCallDetails:
    """The call with the token and the deadline, as grpc.aio wants it."""
    call = filled(given, token, deadline)
    return grpc.aio.ClientCallDetails(
        call.method,
        call.timeout,
        grpc.aio.Metadata(*call.metadata),
        call.credentials,
        call.wait_for_ready,
    )
