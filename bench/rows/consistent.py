"""A decision that knows every write acknowledged before it was asked: one look at the database."""

from gatehouse.access.v1 import consistency_pb2

from bench.load.request import Shape
from bench.outcome import Budget, Outcome
from bench.peers.prepared_select import PreparedSelect
from bench.rounds import Measured, duel, p50, p95
from bench.stage import Stage

_ONE_BY_ONE = Shape(connections=1, streams=1)


class FullyConsistent:
    """The whole call as its caller sees it, against the one round trip that it needs."""

    name = "consistent"
    about = "fully consistent CheckAccess against a prepared SELECT"

    def measure(self, stage: Stage) -> list[Outcome]:
        """One at a time on both sides; nothing is taken off the call."""
        server = stage.gatehouse
        fully = consistency_pb2.Consistency(fully_consistent=True)
        default = stage.load_mix(server, stage.settled.checks(), _ONE_BY_ONE)
        defaults: list[Measured] = []
        consistent = stage.load_mix(server, stage.settled.checks(fully), _ONE_BY_ONE)

        def ours() -> Measured:
            defaults.append(default())
            return consistent()

        with PreparedSelect(server.data_dir) as select:
            found = duel(ours, stage.load_peer(select.pid, select.run), stage.rounds)
        remembered = sorted(map(p50, defaults))[len(defaults) // 2]
        more = (found.ours(p50) - remembered) / found.theirs(p50)
        return [
            Outcome(
                self.name,
                "CheckAccess, fully consistent",
                found.ours(p50),
                "ms, p50",
                Budget(3, at_least=False),
                "one prepared SELECT",
                found.theirs(p50),
                found.ratio(p50),
                [
                    "one at a time; the whole call as the load sees it, gRPC and pipeline included",
                    f"the same from memory {remembered:.3g} ms: {more:.2f} round trips more",
                    f"p95 {found.ours(p95):.3g} against {found.theirs(p95):.3g} ms",
                    "the SELECT from a Python process on the server's core, by the same socket",
                ],
                found.as_json(),
                found.others,
            )
        ]
