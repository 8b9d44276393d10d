"""Rounds: both sides in turn, A B A B …, compared pair by pair so that a noisy minute hits both."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from bench.machine import Meter


@dataclass(frozen=True)
class Measured:
    """One side of one round. Latencies are in milliseconds, 0 where none were taken.

    `cpu` is the server process's own CPU time; `others` the share of the server's core or of the
    load's, whichever is more, that went to processes that are no part of the benchmark.
    """

    calls: int
    seconds: float
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    cpu: float = 0.0
    others: float = 0.0

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Calls a second of the server's CPU time: what is left when neighbours are left out."""
        return self.calls / self.cpu if self.cpu else 0.0


Side = Callable[[], Measured]


def together(parts: list[Measured]) -> Measured:
    """What ran side by side, as one: the middle one's median, the worst one's tail."""
    return Measured(
        sum(part.calls for part in parts),
        max(part.seconds for part in parts),
        median(part.p50 for part in parts),
        max(part.p95 for part in parts),
        max(part.p99 for part in parts),
    )


def watched(pid: int, run: Side, others: Callable[[Meter, Meter], float] = Meter.others) -> Side:
    """Adds to what `run` measures the CPU time that the server `pid` took for it.

    `others` is another method of the meter's where the server is not pinned.
    """

    def side() -> Measured:
        before = Meter.read(pid)
        measured = run()
        after = Meter.read(pid)
        return replace(measured, cpu=after.server - before.server, others=others(after, before))

    return side


@dataclass(frozen=True)
class Duel:
    """The rounds of two sides; the first is ours."""

    pairs: list[tuple[Measured, Measured]]

    def ratio(self, of: Callable[[Measured], float]) -> float:
        """The median of ours ÷ theirs, each pair for itself."""
        return median(of(ours) / of(theirs) for ours, theirs in self.pairs)

    def ours(self, of: Callable[[Measured], float]) -> float:
        """Our median."""
        return median(of(pair[0]) for pair in self.pairs)

    def theirs(self, of: Callable[[Measured], float]) -> float:
        """Their median."""
        return median(of(pair[1]) for pair in self.pairs)

    @property
    def others(self) -> float:
        """What neighbours took of a core in the middle round."""
        return median(side.others for pair in self.pairs for side in pair)

    def as_json(self) -> list[dict[str, Any]]:
        """Every round."""
        return [{"ours": asdict(ours), "theirs": asdict(theirs)} for ours, theirs in self.pairs]


def duel(ours: Side, theirs: Side, rounds: int) -> Duel:
    """Runs both in turn. Whoever comes second must not have it better, so the order swaps."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = theirs()
            first = ours()
        else:
            first = ours()
            second = theirs()
        pairs.append((first, second))
    return Duel(pairs)


def rate(measured: Measured) -> float:
    """Calls a second."""
    return measured.rate


def cpu_rate(measured: Measured) -> float:
    """Calls a second of the server's CPU time."""
    return measured.cpu_rate


def p50(measured: Measured) -> float:
    """The median latency in milliseconds."""
    return measured.p50


def p95(measured: Measured) -> float:
    """The 95th percentile of the latency in milliseconds."""
    return measured.p95


def p99(measured: Measured) -> float:
    """The 99th percentile of the latency in milliseconds."""
    return measured.p99
