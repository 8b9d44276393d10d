"""Decisions over nested groups and folders, against SpiceDB over the same graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.load.request import Request, Shape
from bench.machine import ALL_CORES
from bench.outcome import Budget, Outcome
from bench.peers.spicedb import BULK, INSTALL, SINGLE, SpiceDB, installed
from bench.rounds import Duel, Side, cpu_rate, duel, p50, p95
from bench.rows.batch import SHAPE, SIZE
from bench.stage import Stage

_THREADS = (1, 2, 8, 32)
_ONE_BY_ONE = Shape(connections=1, streams=1)
_PEER = "SpiceDB in-process"


@dataclass(frozen=True)
class _Kind:
    """One way to ask, here and at the peer."""

    work: str
    peer_method: str
    size: int
    shape: Shape
    budget: Budget
    fewest: int  # calls of the peer in a round


_SINGLE = _Kind("CheckAccess, nested groups and folders", SINGLE, 1, Shape(), Budget(8), 200)
_BULK = _Kind(f"BatchCheckAccess of {SIZE}, the same", BULK, SIZE, SHAPE, Budget(40), 10)


class NestedGroups:
    """CheckAccess and BatchCheckAccess; the peer answers within the process that asks it."""

    name = "spicedb"
    about = "CheckAccess and BatchCheckAccess against SpiceDB in-process"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Gatehouse has one core, and gRPC and the pipeline before every answer.

        SpiceDB has every core and no network, and as many callers as suit it best.
        """
        singles, batches = stage.settled.checks(), stage.settled.batches(SIZE)
        if not installed():
            return [self._alone(stage, _SINGLE, singles), self._alone(stage, _BULK, batches)]
        with SpiceDB(SIZE) as spicedb:
            return [
                self._compare(stage, _SINGLE, singles, spicedb),
                self._compare(stage, _BULK, batches, spicedb),
                self._latency(stage, singles, spicedb),
            ]

    def _compare(
        self, stage: Stage, kind: _Kind, requests: Sequence[Request], spicedb: SpiceDB
    ) -> Outcome:
        threads = _best_threads(stage, kind, spicedb)
        found = duel(
            stage.load_mix(stage.gatehouse, requests, kind.shape),
            _peer_side(stage, kind, spicedb, threads),
            stage.rounds,
        )
        return Outcome(
            self.name,
            kind.work,
            found.ours(stage.speed) * kind.size,
            _unit(stage),
            kind.budget,
            f"{_PEER}, asked by {threads} at once",
            found.theirs(stage.speed) * kind.size,
            found.ratio(stage.speed),
            [
                f"{kind.shape}, over gRPC to one core; SpiceDB has {len(ALL_CORES)} and no network",
                f"by CPU time, SpiceDB's callers' included, {found.ratio(cpu_rate):.1f} ×",
                "SpiceDB: memory datastore, minimize_latency; this build of it has no caches",
            ],
            found.as_json(),
            _others(found),
        )

    def _latency(self, stage: Stage, requests: Sequence[Request], spicedb: SpiceDB) -> Outcome:
        found = duel(
            stage.load_in_turn(stage.gatehouse, requests, _ONE_BY_ONE),
            _peer_side(stage, _SINGLE, spicedb, 1),
            stage.rounds,
        )
        return Outcome(
            self.name,
            "CheckAccess, nested groups and folders, p95",
            found.ours(p95),
            "ms",
            Budget(2, at_least=False, unit="ms"),
            _PEER,
            found.theirs(p95),
            notes=[
                f"one call at a time; p50 {found.ours(p50):.2f} against {found.theirs(p50):.2f} ms"
            ],
            rounds=found.as_json(),
            others=_others(found),
        )

    def _alone(self, stage: Stage, kind: _Kind, requests: Sequence[Request]) -> Outcome:
        side = stage.load_mix(stage.gatehouse, requests, kind.shape)
        rounds = [side() for _ in range(stage.rounds)]
        return Outcome(
            self.name,
            kind.work,
            median(map(stage.speed, rounds)) * kind.size,
            _unit(stage),
            kind.budget,
            "SpiceDB: peer not installed",
            notes=[f"for the peer: {INSTALL}"],
            rounds=[{"ours": vars(one)} for one in rounds],
            others=median(one.others for one in rounds),
        )


def _peer_side(stage: Stage, kind: _Kind, spicedb: SpiceDB, threads: int) -> Side:
    return stage.load_within(
        lambda calls: spicedb.run(kind.peer_method, threads, calls), kind.fewest
    )


def _best_threads(stage: Stage, kind: _Kind, spicedb: SpiceDB) -> int:
    """How many callers suit SpiceDB best here, by a short try of each."""
    tried = {}
    for threads in _THREADS:
        stage.say(f"trying SpiceDB with {threads} callers")
        tried[threads] = stage.speed(_peer_side(stage, kind, spicedb, threads)())
    return max(tried, key=tried.__getitem__)


def _unit(stage: Stage) -> str:
    return stage.speed_unit.replace("calls", "checks")


def _others(found: Duel) -> float:
    """Beside our rounds: a peer that has all cores leaves no telling who else was on them."""
    return median(ours.others for ours, _ in found.pairs)
