"""Receiving a call's one request message before a thread is taken for the call.

gRPC's Python server takes a thread first and has it wait for the message. A client that opens calls
and sends nothing keeps the threads: a dozen such calls, without a token, stop the service. Waiting
also costs every call two switches of threads, some 30 µs.

This does what `grpc._server._unary_request` does, one step earlier, with names that gRPC keeps to
itself. Where they are not as known here, calls wait on their threads, and a test fails.
"""

import threading
from collections.abc import Callable
from inspect import signature
from typing import Any

import grpc
import structlog
from grpc import _server
from grpc._cython import cygrpc  # type: ignore[attr-defined]

log = structlog.get_logger("gatehouse.receiving")

# Calls whose message has not come. One more, and the oldest is cancelled: an honest client sends
# its message with its headers.
MOST = 256

_ARGUMENTS = [
    "rpc_event",
    "state",
    "behavior",
    "argument_thunk",
    "request_deserializer",
    "response_serializer",
]
_NAMES = ("_CANCELLED", "_CLOSED", "_RECEIVE_MESSAGE_TOKEN", "_abort", "_possibly_finish_call")


def grpc_is_known() -> bool:
    """Whether gRPC's server is made as this module takes it to be."""
    handlers = (
        getattr(_server, "_unary_response_in_pool", None),
        getattr(_server, "_stream_response_in_pool", None),
    )
    return all(hasattr(_server, name) for name in _NAMES) and all(
        handler is not None and list(signature(handler).parameters) == _ARGUMENTS
        for handler in handlers
    )


_KNOWN = grpc_is_known()
if not _KNOWN:
    log.warning("calls wait for their message on a thread", grpcio=grpc.__version__)


def has_one_message(args: tuple[Any, ...]) -> bool:
    """Whether what is submitted is a call with one request message, left undecoded by gRPC."""
    return (
        _KNOWN
        and len(args) == 1 + len(_ARGUMENTS)
        and getattr(args[4], "__name__", "") == "unary_request"
        and args[5] is None
    )


class Receiving:
    """The calls of one pool whose message is on its way; `put` takes those that have it."""

    def __init__(self, put: Callable[[Any], None]) -> None:
        self._put = put
        self._calls: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._calls)

    def begin(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Has the message received; called, as `submit` is, under the call's condition."""
        work, event, state, behavior, _, deserialize, serialize = args

        def received(message_event: Any) -> Any:
            with self._lock:
                self._calls.pop(state, None)
            message = message_event.batch_operations[0].message()
            with state.condition:
                if message is not None:
                    ready = (work, event, state, behavior, lambda: message, deserialize, serialize)
                    self._put((fn, ready))
                elif state.client is not _server._CANCELLED:
                    state.client = _server._CLOSED
                    _server._abort(
                        state,
                        event.call,
                        cygrpc.StatusCode.unimplemented,
                        b"The method takes exactly one request message.",
                    )
                return _server._possibly_finish_call(state, _server._RECEIVE_MESSAGE_TOKEN)

        with self._lock:
            self._calls[state] = event.call
            oldest = self._calls.pop(next(iter(self._calls))) if len(self._calls) > MOST else None
        event.call.start_server_batch((cygrpc.ReceiveMessageOperation(0),), received)
        state.due.add(_server._RECEIVE_MESSAGE_TOKEN)
        if oldest is not None:
            oldest.cancel()
