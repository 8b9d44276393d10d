"""BatchCheckAccess: what a question costs among many."""

from bench.load.request import Shape
from bench.outcome import Budget, Outcome
from bench.rounds import cpu_rate, p50, p99
from bench.stage import Stage

SIZE = 100
# A batch keeps the server's core busy for milliseconds: more in flight would only wait.
SHAPE = Shape(connections=8, streams=1)


class BatchCheckAccess:
    """Questions a second on one core."""

    name = "batch"
    about = "BatchCheckAccess of 100, checks a second"

    def measure(self, stage: Stage) -> list[Outcome]:
        """The same questions as for CheckAccess, 100 in each call."""
        server = stage.gatehouse
        requests = stage.settled.batches(SIZE)
        side = stage.load_mix(server, requests, SHAPE)
        rounds = sorted((side() for _ in range(stage.rounds)), key=stage.speed)
        middle = rounds[len(rounds) // 2]
        unit = stage.speed_unit.replace("calls", "checks")
        return [
            Outcome(
                self.name,
                f"BatchCheckAccess of {SIZE}",
                stage.speed(middle) * SIZE,
                unit,
                Budget(30_000, unit=unit),
                notes=[
                    f"{SHAPE}; p50 {p50(middle):.1f} ms, p99 {p99(middle):.1f} ms",
                    f"{cpu_rate(middle) * SIZE:,.0f} checks/CPU s",
                    f"requests of {len(requests[0].body):,} bytes",
                ],
                rounds=[{"ours": vars(one)} for one in rounds],
                others=middle.others,
            )
        ]
