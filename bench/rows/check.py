"""What a decision costs: a service asks about somebody, against gRPC alone."""

from contextlib import ExitStack

from bench.outcome import Budget, Outcome
from bench.peers.echo import Echo
from bench.rounds import cpu_rate, duel
from bench.rows.whoami import best_threads, load_echo
from bench.settled import CHECK
from bench.stage import Stage


class CheckAccess:
    """CheckAccess warm and through the full pipeline, against a bare echo server."""

    name = "check"
    about = "CheckAccess against a bare grpcio echo server"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Every call takes two decisions: on the question, and on whether the caller may ask it."""
        server = stage.gatehouse
        requests = stage.settled.checks()
        answer = server.reaches(requests[0])
        with ExitStack() as stack:
            threads = best_threads(stage, requests[0], answer)
            echo = stack.enter_context(Echo(threads, CHECK, answer))
            found = duel(
                stage.load_in_turn(server, requests),
                load_echo(stage, echo, requests[0]),
                stage.rounds,
            )
        return [
            Outcome(
                self.name,
                "CheckAccess, warm, full pipeline",
                found.ours(stage.speed),
                stage.speed_unit,
                Budget(0.70),
                f"bare grpcio echo, {threads} threads",
                found.theirs(stage.speed),
                found.ratio(stage.speed),
                [
                    f"{stage.shape}; messages of {len(requests[0].body)} and {len(answer)} bytes",
                    f"by the servers' own CPU time {found.ratio(cpu_rate):.2f} ×",
                    "a service asks about others, another question in each round",
                    "groups four deep, paths of six segments",
                ],
                found.as_json(),
                found.others,
            )
        ]
