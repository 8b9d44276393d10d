"""What the pipeline costs: a call with next to no work in it against gRPC alone."""

from contextlib import ExitStack

from gatehouse.auth.v1 import auth_service_pb2 as pb

from bench.load.request import Request
from bench.outcome import Budget, Outcome
from bench.peers.echo import Echo
from bench.rounds import Side, cpu_rate, duel
from bench.stage import Stage

METHOD = "/gatehouse.auth.v1.AuthService/WhoAmI"
_ECHO_THREADS = (4, 8, 12)


class WhoAmI:
    """WhoAmI through the full pipeline, against a bare echo server of the same message sizes."""

    name = "whoami"
    about = "WhoAmI against a bare grpcio echo server"

    def measure(self, stage: Stage) -> list[Outcome]:
        """The echo server has whichever thread count suits it best."""
        server = stage.gatehouse
        request = Request.of(server.target, METHOD, pb.WhoAmIRequest(), server.admin_token)
        answer = server.reaches(request)
        with ExitStack() as stack:
            threads = best_threads(stage, request, answer)
            echo = stack.enter_context(Echo(threads, METHOD, answer))
            found = duel(stage.load(server, request), load_echo(stage, echo, request), stage.rounds)
        return [
            Outcome(
                self.name,
                "WhoAmI, full pipeline",
                found.ours(stage.speed),
                stage.speed_unit,
                Budget(0.80),
                f"bare grpcio echo, {threads} threads",
                found.theirs(stage.speed),
                found.ratio(stage.speed),
                [
                    f"{stage.shape}; messages of {len(request.body)} and {len(answer)} bytes",
                    f"by the servers' own CPU time {found.ratio(cpu_rate):.2f} ×",
                ],
                found.as_json(),
                found.others,
            )
        ]


def load_echo(stage: Stage, echo: Echo, request: Request) -> Side:
    """The same calls for the bare server, the token included."""
    same = Request(echo.target, request.method, request.body, request.token)
    return stage.load_peer(echo.pid, lambda calls: stage.generator.run(same, calls, stage.shape))


def best_threads(stage: Stage, request: Request, answer: bytes) -> int:
    """How many threads serve the bare server best here, by a short try of each."""
    tried = {}
    for threads in _ECHO_THREADS:
        with Echo(threads, request.method, answer) as echo:
            stage.say(f"trying the echo server with {threads} threads")
            side = load_echo(stage, echo, request)
            tried[threads] = max(stage.speed(side()) for _ in range(2))
    return max(tried, key=tried.__getitem__)
