"""Telling the end of a stream of requests from a stream that was cut.

In gRPC's Python server both end the iteration: a cancelled call, or a lost connection, looks like a
client that has said all it had to say in some 7 % of cases, until another event is handled a moment
later. Half an upload would be taken for a whole one. So at the end the server sends its initial
metadata, which must be sent anyway: to a call that is gone, that fails.

It needs names that gRPC keeps to itself. Where they are not as known here, streams of requests
are all taken for cut ones, and a test fails.
"""

import threading
from inspect import signature
from typing import Any

import grpc
import structlog
from grpc import _server
from grpc._cython import cygrpc  # type: ignore[attr-defined]

log = structlog.get_logger("gatehouse.half_close")

_NAMES = ("_CANCELLED", "_SEND_INITIAL_METADATA_TOKEN", "_possibly_finish_call")


def grpc_is_known() -> bool:
    """Whether gRPC's server is made as this module takes it to be."""
    return (
        all(hasattr(_server, name) for name in _NAMES)
        and list(signature(_server._Context.__init__).parameters)[1:3] == ["rpc_event", "state"]
        and hasattr(cygrpc, "SendInitialMetadataOperation")
    )


_KNOWN = grpc_is_known()
if not _KNOWN:
    log.error("uploads are refused: it is not known when they are cut", grpcio=grpc.__version__)


def ended_by_client(context: Any) -> bool:
    """Whether the client ended its stream of requests; False when it or its connection is gone.

    To be asked once, after the last request and before anything is sent.
    """
    if not _KNOWN:
        return False
    state, call = context._state, context._rpc_event.call
    token = _server._SEND_INITIAL_METADATA_TOKEN
    done = threading.Event()
    arrived = False

    def sent(event: Any) -> Any:
        nonlocal arrived
        arrived = event.success
        with state.condition:
            finished = _server._possibly_finish_call(state, token)
        done.set()
        return finished

    with state.condition:
        if state.client is _server._CANCELLED:
            return False
        call.start_server_batch((cygrpc.SendInitialMetadataOperation((), 0),), sent)
        state.initial_metadata_allowed = False
        state.due.add(token)
    done.wait()
    return arrived and bool(context.is_active())
