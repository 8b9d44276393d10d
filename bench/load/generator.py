"""The generators of load, and which of them there is."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from bench.load import python_client
from bench.load.request import Request, Shape
from bench.outcome import Refused
from bench.rounds import Measured, together

INSTALL = "apt-get install nghttp2-client   (macOS: brew install nghttp2)"

_FINISHED = re.compile(r"finished in ([\d.]+)(us|ms|s), ([\d.]+) req/s")
_OUTCOME = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
_CODES = re.compile(r"status codes: (\d+) 2xx")


class Generator(Protocol):
    """Makes `calls` calls as fast as they are answered."""

    name: str
    # Whether it costs so much less than a server that the server is what is measured.
    light: bool

    def run(self, request: Request, calls: int, shape: Shape) -> Measured:
        """Raises Refused when the transport reports a failure."""

    def run_mix(self, requests: Sequence[Request], calls: int, streams: int) -> Measured:
        """The same, where each of as many connections as requests repeats one of them.

        `calls` is a multiple of their number.
        """


class H2load:
    """nghttp2's h2load: a few per cent of the time that a Python server takes for a call."""

    name = "h2load"
    light = True

    def run(self, request: Request, calls: int, shape: Shape) -> Measured:
        """Counts HTTP answers only; `Gatehouse.counted` looks at gRPC's."""
        headers = ["content-type: application/grpc", "te: trailers"]
        headers += [f"{name}: {value}" for name, value in request.metadata]
        with tempfile.NamedTemporaryFile() as body:
            Path(body.name).write_bytes(request.framed)
            return h2load(
                f"http://{request.target}{request.method}",
                calls,
                shape,
                [f"--data={body.name}", *(f"--header={header}" for header in headers)],
            )

    def run_mix(self, requests: Sequence[Request], calls: int, streams: int) -> Measured:
        """One h2load for each, since it sends the same body all its life."""
        each = calls // len(requests)
        with ThreadPoolExecutor(len(requests)) as running:
            return together(
                list(running.map(lambda one: self.run(one, each, Shape(1, streams)), requests))
            )


class Python:
    """grpcio channels in this process, where there is no h2load."""

    name = "python"
    light = False

    def run(self, request: Request, calls: int, shape: Shape) -> Measured:
        """Every answer that is not OK raises."""
        return python_client.run_mix([request] * shape.connections, calls, shape.streams)

    def run_mix(self, requests: Sequence[Request], calls: int, streams: int) -> Measured:
        """A channel for each."""
        return python_client.run_mix(requests, calls, streams)


def best_generator() -> Generator:
    """h2load if it is installed."""
    return H2load() if shutil.which("h2load") else Python()


def h2load(url: str, calls: int, shape: Shape, arguments: list[str]) -> Measured:
    """Runs h2load on one thread; it takes no more streams than calls."""
    with tempfile.NamedTemporaryFile() as log:
        done = subprocess.run(
            [
                "h2load",
                "--threads=1",
                f"--requests={calls}",
                f"--clients={shape.connections}",
                f"--max-concurrent-streams={shape.streams}",
                f"--log-file={log.name}",
                *arguments,
                url,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        finished, outcome = _FINISHED.search(done.stdout), _OUTCOME.search(done.stdout)
        codes = _CODES.search(done.stdout)
        if not finished or not outcome or not codes:
            raise Refused(f"h2load did not finish: {done.stdout[-500:]}{done.stderr[-500:]}")
        if int(outcome[1]) != calls or int(codes[1]) != calls:
            raise Refused(f"h2load: {outcome[0]}, {codes[0]}, of {calls}")
        lines = Path(log.name).read_text().splitlines()
    latencies = sorted(int(line.split("\t")[2]) / 1000 for line in lines)
    return Measured(
        calls,
        calls / float(finished[3]),
        p50=latencies[len(latencies) // 2],
        p95=latencies[len(latencies) * 95 // 100],
        p99=latencies[len(latencies) * 99 // 100],
    )
