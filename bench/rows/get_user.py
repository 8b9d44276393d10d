"""GetUser against PocketBase's record view: a user reads their own record on both."""

from gatehouse.users.v1 import user_service_pb2 as pb

from bench.load.request import Request
from bench.outcome import Budget, Outcome
from bench.peers.echo import Echo
from bench.peers.pocketbase import INSTALL, PocketBase, installed
from bench.rounds import cpu_rate, duel
from bench.rows.whoami import load_echo
from bench.stage import Stage

METHOD = "/gatehouse.users.v1.UserService/GetUser"
_EMAIL = "reader@example.com"


class GetUser:
    """GetUser, against PocketBase where it is installed, else against a bare echo server."""

    name = "get-user"
    about = "GetUser against PocketBase's record view"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Both servers check the caller's token and rights and answer the same six fields."""
        server = stage.gatehouse
        user = server.create_user(_EMAIL)
        token = server.sign_in(_EMAIL).access_token
        request = Request.of(server.target, METHOD, pb.GetUserRequest(name=user.name), token)
        if not installed() or not stage.generator.light:
            return [self._without_peer(stage, request)]
        with PocketBase() as pocketbase:
            url, header = pocketbase.own_record()
            found = duel(
                stage.load(server, request),
                stage.load_peer(
                    pocketbase.pid, lambda calls: pocketbase.view(url, header, calls, stage.shape)
                ),
                stage.rounds,
            )
        return [
            Outcome(
                self.name,
                "GetUser",
                found.ours(stage.speed),
                stage.speed_unit,
                Budget(1.2),
                f"PocketBase {pocketbase.version}, record view",
                found.theirs(stage.speed),
                found.ratio(stage.speed),
                [
                    f"{stage.shape}; PocketBase over {stage.shape.in_flight} HTTP/1.1 connections",
                    f"by the servers' own CPU time {found.ratio(cpu_rate):.2f} ×",
                    "always one record: Gatehouse answers from its memory, PocketBase from SQLite",
                ],
                found.as_json(),
                found.others,
            )
        ]

    def _without_peer(self, stage: Stage, request: Request) -> Outcome:
        server = stage.gatehouse
        with Echo(8, METHOD, server.reaches(request)) as echo:
            found = duel(stage.load(server, request), load_echo(stage, echo, request), stage.rounds)
        return Outcome(
            self.name,
            "GetUser",
            found.ours(stage.speed),
            stage.speed_unit,
            Budget(1.2),
            "PocketBase: not available here",
            notes=[
                f"{found.ratio(stage.speed):.2f} × a bare echo of the same sizes",
                f"for the peer: {INSTALL}, and h2load",
            ],
            rounds=found.as_json(),
            others=found.others,
        )
