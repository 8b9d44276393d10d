"""A bare grpcio server that makes one prepared SELECT by key for each call, and nothing else.

Run as `python -m bench.peers.prepared_select DATA_DIR METHOD`; prints its port. For each line it
answers with the median of the milliseconds that the SELECTs since the last line took.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Self

import grpc

from bench.database import connect
from bench.machine import ROOT, SERVER_CORE, pin

_SELECT = "SELECT state FROM subjects WHERE name = %s"


class PreparedSelect:
    """In a process on the server's core, connected to the server's database as the server is.

    A SELECT in a loop of its own would be faster than any server can make it: neither process would
    ever sleep. Here it is made as ours is, by a pool thread that was woken by a call.
    """

    def __init__(self, data_dir: Path, method: str) -> None:
        self._data_dir = data_dir
        self._method = method

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._data_dir), self._method],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.target = f"127.0.0.1:{int(self._read())}"
        pin(self._process.pid, [SERVER_CORE])
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The server process."""
        return self._process.pid

    def took(self) -> float:
        """The milliseconds of the middle one of the SELECTs since it was last asked."""
        assert self._process.stdin
        print(file=self._process.stdin)
        return float(self._read())

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


def _serve(data_dir: Path, method: str) -> None:
    _, service, name = method.split("/")
    took: list[float] = []
    # One thread and one connection: nothing is handed on, and both stay warm.
    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
    with connect(data_dir) as connection:
        connection.autocommit = True
        cursor = connection.cursor()

        def select(_request: bytes, _context: grpc.ServicerContext) -> bytes:
            started = perf_counter()
            cursor.execute(_SELECT, ("everyone",), prepare=True)
            cursor.fetchone()
            took.append((perf_counter() - started) * 1000)
            return b""

        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(select)
        server.add_registered_method_handlers(service, {name: handler})
        print(server.add_insecure_port("127.0.0.1:0"), flush=True)
        server.start()
        for _ in sys.stdin:
            print(median(took), flush=True)
            took.clear()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
