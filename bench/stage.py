"""What rows share: how long to measure, what makes the load, and one running server."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, islice

from bench.gatehouse import Gatehouse
from bench.load.generator import Generator
from bench.load.request import Request, Shape
from bench.rounds import Measured, Side, cpu_rate, rate, watched
from bench.settled import Settled


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

    @cached_property
    def settled(self) -> Settled:
        """An organisation on that server."""
        self.say("settling an organisation")
        return Settled(self.gatehouse)

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
        return self.load_in_turn(server, [request], shape)

    def load_in_turn(
        self, server: Gatehouse, requests: Sequence[Request], shape: Shape | None = None
    ) -> Side:
        """The same, where each round repeats the next of many calls of one method."""
        shape = shape or self.shape
        turns = cycle(requests)
        return self._load(
            server, requests, lambda calls: self.generator.run(next(turns), calls, shape)
        )

    def load_mix(
        self, server: Gatehouse, requests: Sequence[Request], shape: Shape | None = None
    ) -> Side:
        """The same, where in each round each connection repeats another of the calls.

        It takes a process for each connection, which costs a server a little more.
        """
        shape = shape or self.shape
        turns = cycle(requests)

        def run(calls: int) -> Measured:
            mix = list(islice(turns, shape.connections))
            return self.generator.run_mix(mix, calls - calls % len(mix), shape.streams)

        return self._load(server, requests, run)

    def load_peer(self, pid: int, run: Callable[[int], Measured]) -> Side:
        """The same for a server that does not count: `run` must itself refuse what is not OK."""
        calls = self._enough(run)
        return watched(pid, lambda: run(calls))

    def load_within(self, run: Callable[[int], Measured], least: int) -> Side:
        """The same for a peer within its caller, on every core: `run` itself takes its CPU time."""
        calls = self._enough(run, least)
        return lambda: run(calls)

    def _load(
        self, server: Gatehouse, requests: Sequence[Request], run: Callable[[int], Measured]
    ) -> Side:
        for request in requests:
            server.reaches(request)
        name = requests[0].method.rpartition("/")[2]

        def counted(calls: int) -> Measured:
            made: list[Measured] = []
            with server.counted(lambda: {name: made[0].calls}):
                made.append(run(calls))
            return made[0]

        calls = self._enough(counted)
        return watched(server.pid, lambda: counted(calls))

    def _enough(self, run: Callable[[int], Measured], least: int = 200) -> int:
        """Warms up, and finds how many calls take long enough."""
        warm = run(least)
        warm = run(max(least, int(warm.rate * self.seconds / 2)))
        return max(least, int(warm.rate * self.seconds))
