"""A small server that does as it is told, for clients to be tried against."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from gatehouse.auth.v1.auth_service_pb2_grpc import add_AuthServiceServicer_to_server
from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

from gatehouse_client import connect, files
from tests.unit.client.issuing import Issuer
from tests.unit.client.small_file_service import SmallFileService, small_file_service
from tests.unit.client.transferred import CONTENT

Answer = Callable[[grpc.ServicerContext], bytes]


@dataclass
class Server(grpc.GenericRpcHandler):
    """Answers every method as `answer` says, and remembers what came in."""

    address: str = ""
    calls: list[str] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    seconds_left: list[float | None] = field(default_factory=list)
    answer: Answer = lambda context: b""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """A stream for methods that watch, else one message."""

        def one(_request: bytes, context: grpc.ServicerContext) -> bytes:
            self.calls.append(details.method)
            self.metadata.append(dict(details.invocation_metadata))
            self.seconds_left.append(context.time_remaining())
            return self.answer(context)

        def many(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            yield one(request, context)

        if "Watch" in details.method:
            return grpc.unary_stream_rpc_method_handler(many)
        return grpc.unary_unary_rpc_method_handler(one)


@pytest.fixture
def server() -> Iterator[Server]:
    """On a free port, in plaintext."""
    handler = Server()
    running = grpc.server(ThreadPoolExecutor(2), handlers=[handler])
    handler.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield handler
    running.stop(None).wait()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Something that gives tokens, on a free port, in plaintext."""
    made = Issuer()
    running = grpc.server(ThreadPoolExecutor(4))
    add_AuthServiceServicer_to_server(made, running)
    made.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield made
    made.hold.set()
    running.stop(None).wait()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallFileService]:
    """One file to download, and no pauses before it is tried again."""
    monkeypatch.setattr(files, "PAUSES", (0.0,) * 5)
    with small_file_service(CONTENT, chunk=64 * 1024) as running:
        yield running


@pytest.fixture
def stub(service: SmallFileService) -> Iterator[FileServiceStub]:
    """Calls of that service."""
    with connect(service.address) as channel:
        yield FileServiceStub(channel)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where to download to."""
    return tmp_path / "q3.pdf"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file to upload."""
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def call(channel: grpc.Channel, method: str, **options: Any) -> bytes:
    """Calls a unary method."""
    return channel.unary_unary(method, _registered_method=False)(b"", **options)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that exists and holds nothing of use."""
    path = tmp_path / "file.pem"
    path.write_bytes(b"nothing")
    return path
