"""Protects a `grpc.aio.server`."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, NoReturn, TypeVar, cast

import grpc
import grpc.aio

from gatehouse_client.server import refusals
from gatehouse_client.server.authorizer import Authorizer
from gatehouse_client.server.caller import Caller, remember
from gatehouse_client.server.handlers import Handler, behavior_of, with_behavior
from gatehouse_client.server.rules import Guarded, Permission, Public, Rule

log = logging.getLogger("gatehouse_client")

T = TypeVar("T")

_THREADS = 16
_TO_BE_TAKEN = 1.0


class AioAuthInterceptor(grpc.aio.ServerInterceptor):
    """`AuthInterceptor` for asyncio; takes the same, and does the same.

    `channel` is made by `connect`, not by `connect_aio`: Gatehouse is followed by threads, so that
    a busy event loop does not make it unheard. What is known is decided in the event loop; a thread
    asks for the rest. A stream that is open when its caller is revoked ends with UNAUTHENTICATED.
    Handlers must be asynchronous.
    """

    def __init__(
        self, channel: grpc.Channel, rules: Mapping[str, Rule], *, issuer: str, audience: str
    ) -> None:
        self._authorizer = Authorizer(channel, rules, issuer=issuer, audience=audience)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gatehouse-ask")

    def close(self) -> None:
        """Stops following Gatehouse; from then on nobody is let in."""
        self._authorizer.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Puts the work in front of the method's handler."""
        handler = await continuation(handler_call_details)
        rule = self._authorizer.rules.find(handler_call_details.method)
        if handler is None or isinstance(rule, Public):
            return handler
        inner = behavior_of(handler)
        if not (inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)):
            raise TypeError(f"{inner} is not asynchronous: it would not know its caller")

        async def behavior(given: Any, context: Any) -> Any:
            call = _Call(handler, given, context)
            try:
                remember(await self._admit(rule, call))
                return await call.go_on()
            except refusals.Refused as refused:
                await call.abort(refused)
            except asyncio.CancelledError:
                if not call.revoked or not await call.is_free():
                    raise
                await call.abort(refusals.session_revoked())

        return with_behavior(handler, behavior)

    async def _admit(self, rule: Guarded, call: "_Call") -> Caller:
        """Raises Refused."""
        try:
            caller = await self._authenticate(rule, call)
            call.end_when_revoked(self._authorizer, caller)
            first = await call.first(rule)
            if not self._authorizer.authorize_at_once(rule, caller, first):
                left = call.context.time_remaining()
                await self._in_thread(self._authorizer.authorize, rule, caller, first, left)
        except refusals.Refused:
            raise
        except Exception:
            log.exception("a call cannot be decided, request id %s", call.request_id)
            raise refusals.fault(call.request_id) from None
        return caller

    async def _authenticate(self, rule: Guarded, call: "_Call") -> Caller:
        known = self._authorizer.authenticate_at_once(rule, call.metadata)
        if known is not None:
            return known
        return await self._in_thread(self._authorizer.authenticate, rule, call.metadata)

    async def _in_thread(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)


class _Call:
    """One call on its way to the handler."""

    def __init__(self, handler: Handler, given: Any, context: Any) -> None:
        self._handler = handler
        self._given = given
        self._streams = handler.request_streaming or handler.response_streaming
        self.context = _Context(context) if self._streams else context
        self.metadata = context.invocation_metadata()
        self.request_id = refusals.request_id_of(dict(self.metadata))
        self.revoked = False
        self.task = cast("asyncio.Task[Any]", asyncio.current_task())  # gRPC's, for this call

    def end_when_revoked(self, authorizer: Authorizer, caller: Caller) -> None:
        """Cancels a stream's task when the caller is revoked."""
        if not self._streams:
            return
        loop = asyncio.get_running_loop()

        def end() -> None:
            self.revoked = True
            self.task.cancel()

        def end_soon() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(end)

        forget = authorizer.streams.opened(caller, end_soon)
        self.task.add_done_callback(lambda _task: forget())

    async def first(self, rule: Guarded) -> Any:
        """The message that the path is made of. Raises Refused."""
        if not self._handler.request_streaming:
            return self._given
        if not (isinstance(rule, Permission) and rule.needs_request):
            return None
        first = await anext(aiter(self._given), None)
        if first is None:
            raise refusals.no_first_message()
        self._given = self.context.beginning_with(first, self._given)
        return first

    async def go_on(self) -> Any:
        """Handles the call."""
        answer = behavior_of(self._handler)(self._given, self.context)
        if not inspect.isasyncgen(answer):
            return await answer
        async with aclosing(answer):
            async for message in answer:
                await self.context.write(message)
        return None

    async def is_free(self) -> bool:
        """Whether the call can be ended with a status, though its task was cancelled."""
        self.task.uncancel()
        writing = self.context.writing
        if writing is None or writing.done():
            return True
        # gRPC sends no status past a message on its way. A client that does not take the message
        # is cancelled, for want of a status, when the task is over.
        done, _ = await asyncio.wait({writing}, timeout=_TO_BE_TAKEN)
        return bool(done)

    async def abort(self, refused: refusals.Refused) -> NoReturn:
        """Ends the call. Raises what gRPC raises for that."""
        self.context.set_trailing_metadata(refused.trailers(self.request_id))
        await self.context.abort(refused.code, refused.message)
        raise AssertionError("abort raises")


class _Context:
    """A stream's context. Its first message can be read again; its writes outlive their task."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._first: list[Any] = []
        self.writing: asyncio.Future[None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def write(self, message: Any) -> None:
        """Sends a message."""
        self.writing = asyncio.ensure_future(self._context.write(message))
        await asyncio.shield(self.writing)

    async def read(self) -> Any:
        """The next message."""
        return self._first.pop() if self._first else await self._context.read()

    def beginning_with(self, first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The whole stream, for a handler that iterates instead of reading."""
        self._first.append(first)

        async def messages() -> AsyncIterator[Any]:
            if self._first:
                yield self._first.pop()
            async for message in rest:
                yield message

        return messages()
