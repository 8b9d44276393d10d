"""A bare grpcio server for streams of chunks: what gRPC alone costs, with nothing kept or read.

Run as `python -m bench.peers.stream SIZE CHUNK drop|keep`; prints its port. With `keep` an upload
is hashed and written to a file, as simply as can be.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any, Self

import grpc
from gatehouse.files.v1 import file_service_pb2 as pb
from gatehouse.files.v1.file_pb2 import File

from bench.load.content import Content
from bench.machine import ALL_CORES, ROOT, pin

_SERVICE = "gatehouse.files.v1.FileService"
_THREADS = 4
_ABOUT = {"drop": "a bare grpcio stream", "keep": "the same, hashed and written to a file"}


def drop(messages: Iterator[bytes]) -> int:
    """How many bytes came."""
    return sum(map(len, messages))


def keep(messages: Iterator[bytes]) -> int:
    """The same, once they are hashed and on the disk; the file is gone then."""
    size, content = 0, sha256()
    with tempfile.TemporaryFile(buffering=0) as file:
        for message in messages:
            content.update(message)
            size += file.write(message)
        os.fsync(file.fileno())
    return size


def serve(content: Content, take: Callable[[Iterator[bytes]], int]) -> None:
    """Has uploads taken; answers every download with `content`, encoded beforehand."""
    first = pb.DownloadFileResponse(file=File(size=content.size)).SerializeToString()
    last = pb.DownloadFileResponse(end=pb.DownloadFileEnd()).SerializeToString()
    encoded: dict[int, bytes] = {}
    for chunk in content.chunks():
        if id(chunk) not in encoded:
            encoded[id(chunk)] = pb.DownloadFileResponse(chunk=chunk).SerializeToString()

    def upload(messages: Iterator[bytes], _context: grpc.ServicerContext) -> bytes:
        return pb.UploadFileResponse(file=File(size=take(messages))).SerializeToString()

    def download(_request: bytes, _context: grpc.ServicerContext) -> Iterator[bytes]:
        yield first
        for chunk in content.chunks():
            yield encoded[id(chunk)]
        yield last

    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "UploadFile": grpc.stream_unary_rpc_method_handler(upload),
        "DownloadFile": grpc.unary_stream_rpc_method_handler(download),
    }
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=[("grpc.so_reuseport", 0)])
    server.add_registered_method_handlers(_SERVICE, handlers)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


class BareStream:
    """The bare server in a process of its own, on all cores."""

    def __init__(self, size: int, chunk: int, uploads: str = "drop") -> None:
        """Of a download; `uploads` are for it to `drop` or to `keep`."""
        self.chunk = chunk
        self.about = _ABOUT[uploads]
        self._arguments = [str(size), str(chunk), uploads]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *self._arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        pin(self.pid, ALL_CORES)
        self.target = f"127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The server process."""
        return self._process.pid


if __name__ == "__main__":
    serve(Content(int(sys.argv[1]), int(sys.argv[2])), {"drop": drop, "keep": keep}[sys.argv[3]])
