"""A bare grpcio server: what gRPC alone costs, with no work behind it.

Run as `python -m bench.peers.echo THREADS METHOD ANSWER-FILE`; prints its port.
"""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import grpc

from bench.machine import ROOT, SERVER_CORE, pin


def serve(threads: int, method: str, answer: bytes) -> None:
    """Answers every call of `method` with the same bytes, neither decoded nor encoded."""
    _, service, name = method.split("/")
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        lambda request, context: answer
    )
    server = grpc.server(ThreadPoolExecutor(threads), options=[("grpc.so_reuseport", 0)])
    server.add_registered_method_handlers(service, {name: handler})
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


class Echo:
    """The bare server in a process of its own, on the server's core."""

    def __init__(self, threads: int, method: str, answer: bytes) -> None:
        self._threads = threads
        self._method = method
        self._answer = answer

    def __enter__(self) -> Self:
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(self._answer)
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(self._threads), self._method, file.name],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert self._process.stdout
            self.target = f"127.0.0.1:{int(self._process.stdout.readline())}"
        pin(self.pid, [SERVER_CORE])
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The server process."""
        return self._process.pid


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_bytes())
