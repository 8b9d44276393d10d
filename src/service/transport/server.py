"""The gRPC server: its limits, its ports, and how it leaves."""

import threading
from collections.abc import Sequence
from time import monotonic

import grpc

from service.ops.ports import PortInUse
from service.transport.pool import CallPool

_MINUTE = 60_000

_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 32 * 1024),
    ("grpc.max_concurrent_streams", 1000),
    # A dead peer is noticed within 80 s; a peer may ping every 10 s, also between calls.
    ("grpc.keepalive_time_ms", _MINUTE),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 3),
    # Connections end now and then, so that balanced clients find new replicas: new calls go to
    # another at once, and what streams has as long as a large file takes over a slow line.
    ("grpc.max_connection_age_ms", 30 * _MINUTE),
    ("grpc.max_connection_age_grace_ms", 6 * 60 * _MINUTE),
    # Without this a second server would silently share the port.
    ("grpc.so_reuseport", 0),
]


def create_server(pool: CallPool, interceptors: Sequence[grpc.ServerInterceptor]) -> grpc.Server:
    """A server with the limits above, that listens nowhere yet."""
    return grpc.server(pool, interceptors=list(interceptors), options=_OPTIONS)


def listen(server: grpc.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    """The port that the server listens on at `address`. Raises PortInUse."""
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError:
        port = 0
    if port == 0:
        raise PortInUse(address, "GATEHOUSE_GRPC_ADDRESS")
    return port


def stop(server: grpc.Server, pools: Sequence[CallPool], grace: float) -> None:
    """Lets calls end for `grace` seconds, cancels the rest, and waits for their handlers."""
    server.stop(grace).wait()
    waiting = [
        threading.Thread(target=pool.shutdown, kwargs={"cancel_futures": True}) for pool in pools
    ]
    for thread in waiting:
        thread.start()
    deadline = monotonic() + grace
    for thread in waiting:
        thread.join(max(0.0, deadline - monotonic()))
