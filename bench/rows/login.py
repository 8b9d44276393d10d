"""Login under a storm of sign-ins: how much of the hashing gets through, and who waits for it."""

import threading
from contextlib import ExitStack
from dataclasses import dataclass, replace
from time import perf_counter, sleep

from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1 import auth_service_pb2_grpc as rpc

from bench.gatehouse import PASSWORD, Gatehouse
from bench.load.python_client import channel, steady
from bench.load.request import Request
from bench.machine import ALL_CORES, cpu_seconds
from bench.outcome import Budget, Outcome
from bench.peers.raw_bcrypt import RawBcrypt
from bench.rounds import Measured, cpu_rate, duel, p50, p99, rate
from bench.rows.whoami import METHOD as WHO_AM_I
from bench.stage import Stage

_CLIENTS = 4 * len(ALL_CORES)
_WHO_AM_I_PER_SECOND = 50
_LONGER = 3  # than other rows: a hash takes a fifth of a second


class Login:
    """Sign-ins a second on all cores, while others go on asking who they are."""

    name = "login"
    about = "Login against raw bcrypt, and WhoAmI's p99 meanwhile"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Three sides in turn: WhoAmI alone, raw bcrypt, and WhoAmI within a storm of sign-ins."""
        server = stage.gatehouse
        emails = [f"person.{number}@example.com" for number in range(4)]
        stage.say("making users for the storm")
        for email in emails:
            server.create_user(email)
        who_am_i = Request.of(server.target, WHO_AM_I, pb.WhoAmIRequest(), server.admin_token)
        seconds = stage.seconds * _LONGER
        quiet: list[Measured] = []
        stormy: list[Measured] = []
        with ExitStack() as stack:
            stack.callback(server.pin)
            server.spread()
            raw = stack.enter_context(RawBcrypt())

            def ours() -> Measured:
                quiet.append(steady(who_am_i, _WHO_AM_I_PER_SECOND, seconds))
                storm = Storm(server, emails)
                with server.counted(lambda: {"Login": storm.so_far.calls, **asked()}), storm:
                    storm.settle()
                    begun, cpu = storm.so_far, cpu_seconds(server.pid)
                    stormy.append(steady(who_am_i, _WHO_AM_I_PER_SECOND, seconds))
                    found, cpu = begun.until(storm.so_far), cpu_seconds(server.pid) - cpu
                return replace(found, cpu=cpu)

            def asked() -> dict[str, int]:
                return {"WhoAmI": stormy[-1].calls + 1}  # the first opens the connection

            ours()
            quiet.clear()
            stormy.clear()
            found = duel(ours, lambda: raw.run(seconds), stage.rounds)
        ratios = sorted(loud.p99 / still.p99 for loud, still in zip(stormy, quiet, strict=True))
        middle = len(ratios) // 2
        loud_p50, still_p50 = (sorted(map(p50, side))[middle] for side in (stormy, quiet))
        return [
            Outcome(
                self.name,
                "Login, bcrypt cost 12",
                found.ours(rate),
                "calls/s",
                Budget(0.95),
                f"raw bcrypt on {len(ALL_CORES)} cores",
                found.theirs(rate),
                found.ratio(rate),
                [
                    f"{_CLIENTS} in flight, with {_WHO_AM_I_PER_SECOND} WhoAmI/s beside them",
                    "the server, PostgreSQL, Valkey and the load all on all cores",
                    f"by CPU time {found.ratio(cpu_rate):.2f} ×, the WhoAmI calls' included",
                ],
                found.as_json(),
            ),
            Outcome(
                self.name,
                "WhoAmI p99 in a storm of sign-ins",
                sorted(map(p99, stormy))[middle],
                "ms",
                Budget(3, at_least=False),
                "the same when quiet",
                sorted(map(p99, quiet))[middle],
                ratios[middle],
                [f"p50 {loud_p50:.2f} ms against {still_p50:.2f} ms, from when each was due"],
                [{"ours": vars(a), "theirs": vars(b)} for a, b in zip(stormy, quiet, strict=True)],
            ),
        ]


@dataclass(frozen=True)
class Progress:
    """How many sign-ins have been answered, and when the last of them was."""

    calls: int
    at: float

    def until(self, later: "Progress") -> Measured:
        """From answer to answer, so that no sign-in is counted in part."""
        return Measured(later.calls - self.calls, later.at - self.at)


class Storm:
    """Clients that sign in again and again; every sign-in must succeed."""

    def __init__(self, server: Gatehouse, emails: list[str]) -> None:
        self._server = server
        self._emails = emails
        self._over = threading.Event()
        self._count = threading.Lock()
        self._errors: list[Exception] = []
        self.so_far = Progress(0, perf_counter())

    def __enter__(self) -> "Storm":
        self._channel = channel(self._server.target)
        self._stub = rpc.AuthServiceStub(self._channel)
        self._clients = [
            threading.Thread(target=self._client, args=(number,)) for number in range(_CLIENTS)
        ]
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for client in self._clients:
            client.join()
        self._channel.close()
        if self._errors:
            raise self._errors[0]

    def settle(self) -> None:
        """Returns when the queue for hashing is as long as it will be."""
        while self.so_far.calls < _CLIENTS and not self._errors:
            sleep(0.01)

    def _client(self, number: int) -> None:
        email = self._emails[number % len(self._emails)]
        request = pb.LoginRequest(email=email, password=PASSWORD)
        while not self._over.is_set():
            try:
                self._stub.Login(request, timeout=60)
            except Exception as error:  # noqa: BLE001 - raised again at the end
                self._errors.append(error)
                return
            with self._count:
                self.so_far = Progress(self.so_far.calls + 1, perf_counter())
