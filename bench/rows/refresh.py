"""RefreshToken: each client refreshes its own chain, since a refresh token is good once."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import grpc
from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1 import auth_service_pb2_grpc as rpc

from bench.gatehouse import ADMIN, Gatehouse
from bench.load.python_client import channel, closed_loop
from bench.outcome import Budget, Outcome
from bench.rounds import Measured, cpu_rate, p50, p99, rate, watched
from bench.stage import Stage

# keycloak.org, "Concepts for sizing CPU and memory resources": 120 refreshes a second and vCPU.
KEYCLOAK_PER_CORE = 120
_SESSIONS = 128
_IN_FLIGHT = 16
_CHANNELS = 4


class RefreshToken:
    """Calls a second on one core, against Keycloak's published figure for a core."""

    name = "refresh"
    about = "RefreshToken against Keycloak's published figure"

    def measure(self, stage: Stage) -> list[Outcome]:
        """PostgreSQL works beside the load, as it would on a machine of its own."""
        server = stage.gatehouse
        stage.say(f"signing in {_SESSIONS} times")
        with ExitStack() as stack:
            clients = Clients(
                [stack.enter_context(channel(server.target)) for _ in range(_CHANNELS)],
                open_sessions(server),
            )
            calls = clients.enough(server, stage.seconds)
            side = watched(server.pid, lambda: clients.run(server, calls))
            rounds = [side() for _ in range(stage.rounds)]
        speeds = sorted(rounds, key=rate)
        middle = speeds[len(speeds) // 2]
        return [
            Outcome(
                self.name,
                f"RefreshToken, {_SESSIONS} sessions",
                middle.rate,
                "calls/s",
                Budget(5),
                "Keycloak, published, per core",
                KEYCLOAK_PER_CORE,
                middle.rate / KEYCLOAK_PER_CORE,
                [
                    f"p50 {p50(middle):.1f} ms, p99 {p99(middle):.1f} ms; {_IN_FLIGHT} in flight",
                    f"{cpu_rate(middle):,.0f} calls/CPU s",
                    "PostgreSQL and a Python load on the other core, commits flushed to disk",
                ],
                [{"ours": vars(one)} for one in rounds],
                middle.others,
            )
        ]


def open_sessions(server: Gatehouse) -> list[str]:
    """Signs in so often, on all cores for once; answers the refresh tokens."""
    server.spread()
    with ThreadPoolExecutor(_IN_FLIGHT) as callers:
        signed_in = callers.map(server.sign_in, [ADMIN] * _SESSIONS)
        tokens = [tokens.refresh_token for tokens in signed_in]
    server.pin()
    return tokens


class Clients:
    """Callers over many chains: whoever is free takes the chain that has rested longest."""

    def __init__(self, channels: list[grpc.Channel], tokens: list[str]) -> None:
        self._stubs = [rpc.AuthServiceStub(one) for one in channels]
        self._resting = deque(tokens)

    def run(self, server: Gatehouse, calls: int) -> Measured:
        """So many refreshes, each of which must succeed."""
        with server.counted(lambda: {"RefreshToken": calls}):
            return closed_loop(self._refresh, calls, _IN_FLIGHT)

    def enough(self, server: Gatehouse, seconds: float) -> int:
        """Warms up, and finds how many calls take so long."""
        return int(self.run(server, int(self.run(server, 200).rate * seconds / 2)).rate * seconds)

    def _refresh(self, number: int) -> None:
        token = self._resting.popleft()
        request = pb.RefreshTokenRequest(refresh_token=token)
        answer = self._stubs[number % len(self._stubs)].RefreshToken(request, timeout=60)
        self._resting.append(answer.tokens.refresh_token)
