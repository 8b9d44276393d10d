"""How long an event takes from its commit to those who watch, few and many of them."""

from time import time
from typing import NamedTuple

import psutil
from gatehouse.groups.v1 import group_pb2
from gatehouse.groups.v1 import group_service_pb2 as groups_pb
from gatehouse.groups.v1 import group_service_pb2_grpc as groups_rpc

from bench.gatehouse import Gatehouse
from bench.load.python_client import measured, paced
from bench.load.watchers import Watchers
from bench.machine import Meter
from bench.outcome import Budget, Outcome
from bench.stage import Stage

_SECONDS, _SECONDS_QUICK = 10, 3


class WatchEvents:
    """Groups made at a steady pace, at a server with watchers who must all be told of each."""

    name = "watch"
    about = "commit → WatchEvents, with 1, 100 and 1,000 watchers"

    def measure(self, stage: Stage) -> list[Outcome]:
        """With ten times the watchers a tenth of the events: as many messages a second."""
        with Gatehouse() as server:
            return [
                self._watched(stage, server, 1, 50),
                self._watched(stage, server, 100, 50, Budget(50, at_least=False, unit="ms")),
                self._watched(stage, server, 1_000, 5),
            ]

    def _watched(
        self,
        stage: Stage,
        server: Gatehouse,
        watchers: int,
        per_second: int,
        budget: Budget | None = None,
    ) -> Outcome:
        stage.say(f"telling {watchers:,} watchers")
        seconds = _SECONDS_QUICK if stage.quick else _SECONDS
        events = per_second * seconds
        groups = groups_rpc.GroupServiceStub(server.channel)
        answered: dict[str, float] = {}

        def create(number: int) -> None:
            name = f"groups/seen-by-{watchers}-{number}"
            request = groups_pb.CreateGroupRequest(group=group_pb2.Group(name=name))
            groups.CreateGroup(request, metadata=server.as_admin, timeout=60)
            answered[name] = time()

        alone = _Size.of(server)
        with Watchers(server, watchers) as watching:
            create(-1)  # once they were told that, they wait for news as they will
            watching.arrivals(1)
            before = Meter.read(server.pid)
            with server.counted(lambda: {"CreateGroup": events}):
                paced(create, events, per_second)
                arrivals = watching.arrivals(events)
            after = Meter.read(server.pid)
            watched = _Size.of(server)
        whole = measured([one.arrived - one.recorded for one in arrivals], seconds)
        rest = measured([one.arrived - answered[one.subject] for one in arrivals], seconds)
        return Outcome(
            self.name,
            f"commit → WatchEvents, watchers: {watchers:,}",
            whole.p99,
            "ms, p99",
            budget,
            notes=[
                f"{events} events, {per_second} a second; p50 {whole.p50:.1f} ms",
                "from the event's own time, which is taken just before its commit",
                f"from the writer's answer p50 {rest.p50:.1f} ms, p99 {rest.p99:.1f} ms",
                f"the server before them: {alone}; with them: {watched}",
                "server, PostgreSQL, Valkey, writer and watchers all on all cores",
            ],
            rounds=[{"ours": vars(whole), "from the answer": vars(rest)}],
            others=after.others_anywhere(before),
        )


class _Size(NamedTuple):
    """What a server holds; `mib` is its resident memory."""

    threads: int
    mib: float

    @classmethod
    def of(cls, server: Gatehouse) -> "_Size":
        process = psutil.Process(server.pid)
        return cls(process.num_threads(), process.memory_info().rss / 2**20)

    def __str__(self) -> str:
        return f"{self.threads} threads, {self.mib:.0f} MB"
