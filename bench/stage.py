"""What rows share: how long to measure, what makes the load, and one running server."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property

from bench.gatehouse import Gatehouse
from bench.load.generator import Generator
from bench.load.request import Request, Shape
from bench.rounds import Measured, Side, cpu_rate, rate, watched


@dataclass
class Stage:
    """One run of the benchmark. `closing` ends what was started for it."""

    generator: Generator
    quick: bool
    rounds: int
    seconds: float
    closing: ExitStack
    say: Callable[[str], None]
    shape: Shape = field(default_factory=Shape)

    @cached_property
    def gatehouse(self) -> Gatehouse:
        """The server that most rows share, pinned to its core."""
        self.say("starting gatehouse serve")
        server = self.closing.enter_context(Gatehouse())
        server.pin()
        return server

    @property
    def speed(self) -> Callable[[Measured], float]:
        """What two servers are compared by.

        Where the load costs as much as the server, calls a second would compare the load with
        itself; then it is calls a second of the servers' CPU time.
        """
        return rate if self.generator.light else cpu_rate

    @property
    def speed_unit(self) -> str:
        """What `speed` counts."""
        return "calls/s" if self.generator.light else "calls/CPU s"

    def load(self, server: Gatehouse, request: Request, shape: Shape | None = None) -> Side:
        """One side: as many calls as take `seconds`, every one counted as OK by the server."""
        server.reaches(request)
        shape = shape or self.shape
        name = request.method.rpartition("/")[2]

        def run(calls: int) -> Measured:
            with server.counted(lambda: {name: calls}):
                return self.generator.run(request, calls, shape)

        calls = self._enough(run)
        return watched(server.pid, lambda: run(calls))

    def load_peer(self, pid: int, run: Callable[[int], Measured]) -> Side:
        """The same for a server that does not count: `run` must itself refuse what is not OK."""
        calls = self._enough(run)
        return watched(pid, lambda: run(calls))

    def _enough(self, run: Callable[[int], Measured]) -> int:
        """Warms up, and finds how many calls take long enough."""
        warm = run(200)
        warm = run(max(200, int(warm.rate * self.seconds / 2)))
        return max(200, int(warm.rate * self.seconds))
