"""The way of every call: one server interceptor, compiled once for each method.

    identify → shed → authenticate → rate limit → decode → authorize → validate → serve

gRPC runs `intercept_service` on its one serving thread, so that only looks the method up; the work
is in the handler, on a pool's thread. Health and reflection go round (see `standard.py`).
"""

import re
from collections.abc import Callable, Iterator
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, cast

import grpc
import structlog
from google.protobuf.message import Message
from uuid_utils import uuid4

from service.kernel.call import Call, Replay
from service.kernel.conflicts import retried
from service.kernel.errors import ResourceExhausted, Unavailable
from service.kernel.reasons import ErrorReason
from service.transport.half_close import ended_by_client
from service.transport.incoming import (
    HeaderExpected,
    MalformedMessage,
    address_of,
    bearer,
    decode,
    request_key,
)
from service.transport.methods import Method
from service.transport.pool import CallPool
from service.transport.ports import Authenticator, Authorizer, MethodObserver, Throttle
from service.transport.status import REQUEST_ID, Refusal, describe
from service.transport.transfers import StreamCut, Transfer, Transfers
from service.transport.validation import Validate, validator_of
from service.transport.watching import Senders

_ASK = 1.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

log = structlog.get_logger("gatehouse.pipeline")

Context = grpc.ServicerContext
if TYPE_CHECKING:  # generic in its stubs only
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    Handler = grpc.RpcMethodHandler
Behavior = Callable[..., Any]


class Overloaded(ResourceExhausted):
    """The pool carries as many calls as it may."""

    reason = ErrorReason.OVERLOADED


class Pipeline(grpc.ServerInterceptor):
    """Guards every method of the contract; others pass through untouched."""

    def __init__(
        self,
        methods: dict[str, Method],
        *,
        authenticator: Authenticator,
        authorizer: Authorizer,
        throttle: Throttle | None,
        observe: Callable[[Method], MethodObserver],
        pool_of: Callable[[Method], CallPool],
        shed_pool: CallPool,
        senders: Senders,
        transfers: Transfers,
    ) -> None:
        self._methods = methods
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._throttle = throttle
        # All at once, so that every method has its series from the start.
        self._observers = {name: observe(method) for name, method in methods.items()}
        self._pool_of = pool_of
        self._shed_pool = shed_pool
        self._senders = senders
        self.transfers = transfers
        self._compiled: dict[str, tuple[Handler, Handler, CallPool]] = {}
        self.open = False  # until there is a database to answer from

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Looks the compiled handler up; a call too many gets the one that refuses."""
        name = handler_call_details.method
        found = self._compiled.get(name)
        if found is None:
            handler = continuation(handler_call_details)
            if handler is None or name not in self._methods:
                return handler
            found = self._compiled[name] = self._compile(self._methods[name], handler)
        serving, refusing, pool = found
        return refusing if pool.full else serving

    def _compile(self, method: Method, handler: Handler) -> tuple[Handler, Handler, CallPool]:
        way = _Way(self, method, self._observers[method.full_name])
        behavior = _behavior(handler)
        if getattr(behavior, "watches", False):
            serving = way.watching(behavior, self._senders)
        elif method.streams_responses:
            serving = way.streaming(behavior)
        elif method.streams_requests:
            serving = way.collecting(behavior)
        else:
            serving = way.answering(behavior)
        pool = self._pool_of(method)
        return (
            _handler(method, serving, pool),
            _handler(method, way.shedding(pool), self._shed_pool),
            pool,
        )

    def authenticate(self, method: Method, call: Call, authorization: str | None) -> None:
        """Whom the call speaks for."""
        if not self.open:
            raise Unavailable("The server is starting; retry.")
        if method.rule.public:
            return
        call.caller = self._authenticator.verify(bearer(authorization))

    def limit(self, call: Call) -> None:
        """Counts the call of who has to say who they are."""
        if self._throttle is not None and call.caller is not None:
            self._throttle.take(call.caller.subject)

    def admit(self, method: Method, payload: bytes, call: Call, validate: Validate) -> Message:
        """The request, once the caller may send it and it keeps the contract's rules."""
        request = decode(method, payload)
        if method.begins_with_header and not request.HasField("header"):
            raise HeaderExpected("header: must come in the first message, before any chunk")
        self._authorize(method, request, call)
        validate(request)
        if request_id := method.request_id(request):
            call.key = request_key(method, request, request_id, call)
        return request

    def ask_again(self, method: Method, request: Message, call: Call) -> None:
        """Whether who was admitted would be still; a token's mere end does not end a transfer."""
        if call.caller is not None:
            self._authenticator.refuse_revoked(call.caller)
        self._authorize(method, request, call)

    def _authorize(self, method: Method, request: Message, call: Call) -> None:
        rule = method.rule
        if not rule.public:
            path = rule.path(request, call) if rule.permission else ""
            self._authorizer.require(
                call.principal, scope=rule.scope, permission=rule.permission, path=path
            )


class _Way:
    """One method's compiled way: what is the same for each of its calls is looked up here, once."""

    def __init__(self, pipeline: Pipeline, method: Method, observer: MethodObserver) -> None:
        self._pipeline = pipeline
        self._method = method
        self._observer = observer
        self._validate = validator_of(method.request)

    def answering(self, behavior: Behavior) -> Behavior:
        """One in, one out."""

        def handle(payload: bytes, context: Context) -> bytes:
            started = perf_counter()
            call, authorization = self._identify(context)
            code = grpc.StatusCode.OK
            try:
                request = self._only(payload, call, authorization)
                return retried(lambda: _answer(behavior, request, call))
            except Exception as error:  # noqa: BLE001 - every fault gets a status
                refusal = _explain(error, call)
                code = refusal.code
                refusal.abort(context)
            finally:
                self._finish(call, code, context, started)

        return handle

    def collecting(self, behavior: Behavior) -> Behavior:
        """Many in, one out."""

        def handle(payloads: Iterator[bytes], context: Context) -> bytes:
            started = perf_counter()
            call, authorization = self._identify(context)
            code = grpc.StatusCode.OK
            try:
                self._enter(call, authorization)
                with self._pipeline.transfers.begin(call.actor, context) as transfer:
                    requests = self._requests(payloads, call, context, transfer)
                    # Once: a stream is gone when it has been read.
                    return _answer(behavior, requests, call)
            except Exception as error:  # noqa: BLE001 - every fault gets a status
                refusal = _explain(error, call)
                code = refusal.code
                refusal.abort(context)
            finally:
                self._finish(call, code, context, started)

        return handle

    def streaming(self, behavior: Behavior) -> Behavior:
        """One in, many out."""

        def handle(payload: bytes, context: Context) -> Iterator[bytes]:
            started = perf_counter()
            call, authorization = self._identify(context)
            code = grpc.StatusCode.OK
            try:
                request = self._only(payload, call, authorization)
                with self._pipeline.transfers.begin(call.actor, context) as transfer:
                    ask = self._asking(request, call)
                    for message in behavior(request, call):
                        ask()
                        self._observer.sent()
                        with transfer.of_client():
                            yield message.SerializeToString()
            except Exception as error:  # noqa: BLE001 - every fault gets a status
                refusal = _explain(error, call)
                code = refusal.code
                refusal.abort(context)
            finally:
                self._finish(call, code, context, started)

        return handle

    def watching(self, behavior: Behavior, senders: Senders) -> Behavior:
        """One in, news out for as long as the client likes, without holding a thread."""

        def handle(payload: bytes, context: Context, send: Callable[[bytes | None], None]) -> None:
            started = perf_counter()
            call, authorization = self._identify(context)
            outbox = senders.open(
                context,
                send,
                on_sent=self._observer.sent,
                explain=lambda error: _explain(error, call),
                on_end=lambda code: self._finish(call, code, context, started),
            )
            try:
                request = self._only(payload, call, authorization)
                # A token ends, and so may what its holder is allowed, while the stream goes on.
                outbox.keep_asking(lambda: self._readmit(payload, call, authorization))
                behavior(request, call, outbox)
            except Exception as error:  # noqa: BLE001 - every fault gets a status
                outbox.end(error)

        handle.experimental_non_blocking = True  # type: ignore[attr-defined]
        return handle

    def shedding(self, pool: CallPool) -> Behavior:
        """Refuses without looking at the request, on a thread that is not one of the busy ones."""

        def handle(_incoming: Any, context: Context) -> None:
            started = perf_counter()
            call, _ = self._identify(context)
            refusal = _explain(Overloaded(f"Too many calls ({pool.name}); retry.", 1.0), call)
            self._finish(call, refusal.code, context, started)
            refusal.abort(context)

        return handle

    def _identify(self, context: Context) -> tuple[Call, str | None]:
        """The call, and the one `authorization` it carries; two are as bad as an empty one."""
        self._observer.started()
        request_id = authorization = None
        for key, value in context.invocation_metadata():
            if key == "authorization":
                authorization = str(value) if authorization is None else ""
            elif key == REQUEST_ID and _REQUEST_ID.fullmatch(str(value)):
                request_id = str(value)
        if request_id is None:
            request_id = uuid4().hex
        context.set_trailing_metadata(((REQUEST_ID, request_id),))
        return Call(request_id, address_of(context.peer()), self._method.full_name), authorization

    def _enter(self, call: Call, authorization: str | None) -> None:
        self._pipeline.authenticate(self._method, call, authorization)
        self._pipeline.limit(call)

    def _only(self, payload: bytes, call: Call, authorization: str | None) -> Message:
        self._enter(call, authorization)
        return self._pipeline.admit(self._method, payload, call, self._validate)

    def _readmit(self, payload: bytes, call: Call, authorization: str | None) -> None:
        self._pipeline.authenticate(self._method, call, authorization)
        self._pipeline.admit(self._method, payload, call, self._validate)

    def _requests(
        self, payloads: Iterator[bytes], call: Call, context: Context, transfer: Transfer
    ) -> Iterator[Message]:
        """The first message decides whether the caller may; the rest are read when asked for."""
        first = self._next(payloads, context, transfer)
        if first is None:
            raise MalformedMessage("The stream ended before its first message.")
        request = self._pipeline.admit(self._method, first, call, self._validate)
        # Not lazily: nothing of a use case may run before its caller is admitted.
        return self._rest(request, payloads, call, context, transfer)

    def _rest(
        self,
        first: Message,
        payloads: Iterator[bytes],
        call: Call,
        context: Context,
        transfer: Transfer,
    ) -> Iterator[Message]:
        yield first
        ask = self._asking(first, call)
        while (payload := self._next(payloads, context, transfer)) is not None:
            message = decode(self._method, payload)
            if self._method.begins_with_header and message.HasField("header"):
                raise HeaderExpected("header: must come once, in the first message")
            self._validate(message)
            ask()
            yield message
        self._pipeline.ask_again(self._method, first, call)

    def _next(
        self, payloads: Iterator[bytes], context: Context, transfer: Transfer
    ) -> bytes | None:
        """The next message, None after the last. Raises StreamCut."""
        payload = transfer.next_of(payloads)
        if payload is not None:
            self._observer.received()
        elif not ended_by_client(context):
            raise StreamCut
        return payload

    def _asking(self, request: Message, call: Call) -> Callable[[], None]:
        """To be called often: asks every second whether the caller still may."""
        asked = monotonic()

        def ask() -> None:
            nonlocal asked
            if monotonic() - asked > _ASK:
                self._pipeline.ask_again(self._method, request, call)
                asked = monotonic()

        return ask

    def _finish(self, call: Call, code: grpc.StatusCode, context: Context, started: float) -> None:
        if code is grpc.StatusCode.OK and not context.is_active():
            code = grpc.StatusCode.CANCELLED
        self._observer.finished(call, code, perf_counter() - started)


def _answer(behavior: Behavior, request: Any, call: Call) -> bytes:
    """Runs the use case, unless its request was answered before."""
    try:
        return bytes(behavior(request, call).SerializeToString())
    except Replay as replay:
        return replay.answer


def _explain(error: Exception, call: Call) -> Refusal:
    """The refusal for the client; what nobody expected goes into the log, whole."""
    refusal = describe(error, call.request_id)
    if refusal.code is grpc.StatusCode.INTERNAL:
        log.error(
            "unexpected fault", request_id=call.request_id, method=call.method, exc_info=error
        )
    return refusal


def _behavior(handler: Handler) -> Behavior:
    found = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    return cast(Behavior, found)


def _handler(method: Method, behavior: Behavior, pool: CallPool) -> Handler:
    """A handler that leaves bytes as they are: decoding is a step of ours, with our errors."""
    behavior.experimental_thread_pool = pool  # type: ignore[attr-defined]
    return _FACTORIES[method.streams_requests, method.streams_responses](behavior)


_FACTORIES = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
}
