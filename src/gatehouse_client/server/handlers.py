"""gRPC's handlers, which keep what they do in one of four places."""

from collections.abc import Callable
from typing import Any

import grpc

Handler = Any  # a grpc.RpcMethodHandler, which only its stubs know to be generic

_KINDS: dict[tuple[bool, bool], tuple[Callable[..., Handler], str]] = {
    (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary"),
    (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream"),
    (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary"),
    (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream"),
}

# How gRPC runs a behavior can be said on the behavior itself, as its own health service does.
_SAID = ("experimental_non_blocking", "experimental_thread_pool")


def behavior_of(handler: Handler) -> Callable[..., Any]:
    """What the handler does."""
    _, place = _KINDS[bool(handler.request_streaming), bool(handler.response_streaming)]
    found: Callable[..., Any] = getattr(handler, place)
    return found


def with_behavior(handler: Handler, behavior: Callable[..., Any]) -> Handler:
    """The same handler, doing something else."""
    inner = behavior_of(handler)
    for name in _SAID:
        if hasattr(inner, name):
            setattr(behavior, name, getattr(inner, name))
    make, _ = _KINDS[bool(handler.request_streaming), bool(handler.response_streaming)]
    return make(
        behavior,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
