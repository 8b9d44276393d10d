"""The standard services beside the contract: health, reflection, channelz.

They go round the pipeline, on threads of their own: a balancer's probe must be answered while every
worker is busy, and a reflection stream must not take a worker's thread.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import DecodeError
from grpc_channelz.v1 import channelz
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from service.transport.pool import CallPool
from service.transport.status import describe
from service.transport.watching import Outbox, Senders

HEALTH = "grpc.health.v1.Health"
REFLECTION = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)

_ASK_EVERY = 0.25
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    """grpc.health.v1: one state for the whole server, told for each of its services.

    Starts NOT_SERVING, because nothing works before the first read of the database.
    """

    def __init__(self, services: Iterable[str], pool: CallPool, senders: Senders) -> None:
        self._services = frozenset(services) | {"", HEALTH}
        self._pool = pool
        self._senders = senders
        self._watchers: dict[Outbox, str] = {}
        self._lock = threading.Lock()
        self._left = threading.Event()
        self.serving = False

    @property
    def leaving(self) -> bool:
        """Whether NOT_SERVING is for good."""
        return self._left.is_set()

    def start(self, ready: Callable[[], bool]) -> None:
        """Follows `ready` from now on, asking four times a second."""

        def follow() -> None:
            while not self._left.wait(_ASK_EVERY):
                self.set(serving=ready())

        self.set(serving=ready())
        threading.Thread(target=follow, name="health", daemon=True).start()

    def set(self, *, serving: bool) -> None:
        """Tells every watcher when it changes."""
        with self._lock:
            if serving == self.serving or (serving and self._left.is_set()):
                return
            self.serving = serving
            told = list(self._watchers.items())
        for outbox, service in told:
            outbox.put(self._status(service))

    def leave(self) -> None:
        """NOT_SERVING for good, so that balancers look elsewhere."""
        self._left.set()
        self.set(serving=False)

    def add_to(self, server: grpc.Server) -> None:
        """Registers the service."""

        def check(payload: bytes, context: grpc.ServicerContext) -> bytes:
            service = _decoded(health_pb2.HealthCheckRequest, payload, context).service
            if service not in self._services:
                context.abort(
                    grpc.StatusCode.NOT_FOUND, f"There is no service {service[:100]!r} here."
                )
            return bytes(self._status(service).SerializeToString())

        def list_all(_payload: bytes, _context: grpc.ServicerContext) -> bytes:
            statuses = {service: self._status(service) for service in sorted(self._services)}
            answer = health_pb2.HealthListResponse(statuses=statuses)  # type: ignore[attr-defined]
            return bytes(answer.SerializeToString())

        def watch(
            payload: bytes, context: grpc.ServicerContext, send: Callable[[bytes | None], None]
        ) -> None:
            service = _decoded(health_pb2.HealthCheckRequest, payload, context).service
            outbox = self._senders.open(
                context,
                send,
                on_sent=lambda: None,
                explain=lambda error: describe(error, ""),
                on_end=lambda code: None,
            )
            with self._lock:
                self._watchers[outbox] = service
                outbox.put(self._status(service))
            outbox.on_end(lambda _code: self._forget(outbox))

        watch.experimental_non_blocking = True  # type: ignore[attr-defined]
        behaviors: list[Any] = [check, list_all, watch]
        for behavior in behaviors:
            behavior.experimental_thread_pool = self._pool
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Check": grpc.unary_unary_rpc_method_handler(check),
            "List": grpc.unary_unary_rpc_method_handler(list_all),
            "Watch": grpc.unary_stream_rpc_method_handler(watch),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(HEALTH, handlers),))

    def _status(self, service: str) -> health_pb2.HealthCheckResponse:
        known = _SERVING if self.serving else _NOT_SERVING
        status = known if service in self._services else _UNKNOWN
        return health_pb2.HealthCheckResponse(status=status)

    def _forget(self, outbox: Outbox) -> None:
        with self._lock:
            self._watchers.pop(outbox, None)


class _Symbols:
    """A descriptor pool that also knows which file a method is in; protobuf's own does not."""

    def __init__(self, pool: descriptor_pool.DescriptorPool) -> None:
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 - as the pool's
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            return self._pool.FindMethodByName(symbol).containing_service.file


def add_reflection(server: grpc.Server, services: Iterable[str], pool: CallPool) -> None:
    """Server reflection under both of its names: grpcurl and others ask for either."""
    names = sorted({*services, HEALTH, *REFLECTION})
    servicer = reflection.ReflectionServicer(names, _Symbols(descriptor_pool.Default()))
    request = reflection_pb2.ServerReflectionRequest

    def reflect(payloads: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        requests = (_decoded(request, payload, context) for payload in payloads)
        for response in servicer.ServerReflectionInfo(requests, context):
            yield response.SerializeToString()

    reflect.experimental_thread_pool = pool  # type: ignore[attr-defined]
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(reflect)
    }
    for name in REFLECTION:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))


def add_channelz(server: grpc.Server) -> None:
    """Channelz, which shows every connection to whoever asks: off unless a setting turns it on."""
    channelz.add_channelz_servicer(server)


def _decoded(kind: type[Any], payload: bytes, context: grpc.ServicerContext) -> Any:
    try:
        return kind.FromString(payload)
    except DecodeError:
        context.abort(
            grpc.StatusCode.INVALID_ARGUMENT, f"The bytes are no {kind.DESCRIPTOR.full_name}."
        )
