"""A decision that knows every write acknowledged before it was asked: one look at the database."""

from statistics import median

from gatehouse.access.v1 import consistency_pb2

from bench.load.request import Request, Shape
from bench.outcome import Budget, Outcome
from bench.peers.prepared_select import PreparedSelect
from bench.rounds import Measured, Side, duel, p50, p95
from bench.settled import CHECK
from bench.stage import Stage

_ONE_BY_ONE = Shape(connections=1, streams=1)


class FullyConsistent:
    """What the server takes for such a call, against the one round trip that it needs."""

    name = "consistent"
    about = "fully consistent CheckAccess against a prepared SELECT"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Both are timed within a grpcio server on the same core, one call at a time.

        Ours is the whole of what Gatehouse does for a call: the pipeline, catching up, both
        decisions. The peer's is a SELECT by key, without the bare server around it. gRPC's
        transport is in neither; the notes have the calls as their caller sees them.
        """
        server = stage.gatehouse
        fully = consistency_pb2.Consistency(fully_consistent=True)
        from_memory = _Timed(stage, stage.settled.checks())
        consistent = _Timed(stage, stage.settled.checks(fully))
        selects: list[float] = []

        def ours() -> Measured:
            from_memory()
            return consistent()

        with PreparedSelect(server.data_dir, CHECK) as select:
            request = Request(select.target, CHECK, b"")
            load = stage.load_peer(
                select.pid, lambda calls: stage.generator.run(request, calls, _ONE_BY_ONE)
            )

            select.took()  # those of the warm-up

            def theirs() -> Measured:
                measured = load()
                selects.append(select.took())
                return measured

            found = duel(ours, theirs, stage.rounds)
        took = [median(one) for one in consistent.server_ms]
        more = median(took) - median(map(median, from_memory.server_ms))
        at_memory = median(map(p50, from_memory.rounds))
        return [
            Outcome(
                self.name,
                "CheckAccess, fully consistent, within the server",
                median(took),
                "ms, p50",
                Budget(3, at_least=False),
                "one prepared SELECT, within a bare server",
                median(selects),
                median(mine / select for mine, select in zip(took, selects, strict=True)),
                [
                    "one at a time; by the access log, all but gRPC's transport",
                    f"being consistent takes {more:.3g} ms of it",
                    f"the whole call takes {found.ours(p50):.3g} ms, p95 {found.ours(p95):.3g} ms",
                    f"the same from memory {at_memory:.3g} ms",
                    f"the bare server's whole call with its SELECT {found.theirs(p50):.3g} ms",
                ],
                found.as_json(),
                found.others,
            )
        ]


class _Timed:
    """A side of which is kept what the server took for each call, round by round."""

    def __init__(self, stage: Stage, requests: list[Request]) -> None:
        self._server = stage.gatehouse
        self._request = requests[0]
        self._side: Side = stage.load_in_turn(self._server, requests, _ONE_BY_ONE)
        self.server_ms: list[list[float]] = []
        self.rounds: list[Measured] = []

    def __call__(self) -> Measured:
        with self._server.timed(self._request) as server_ms:
            self.rounds.append(self._side())
        self.server_ms.append(server_ms)
        return self.rounds[-1]
