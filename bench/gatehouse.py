"""The server under test: the real `gatehouse serve`, in a process and a folder of its own."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from time import perf_counter, sleep
from typing import Self

import grpc
from gatehouse.auth.v1 import auth_service_pb2, auth_service_pb2_grpc, tokens_pb2
from gatehouse.users.v1 import user_pb2, user_service_pb2, user_service_pb2_grpc
from grpc_health.v1 import health_pb2

from bench.load.request import Request
from bench.machine import ALL_CORES, LOAD_CORE, SERVER_CORE, pin, pin_children
from bench.outcome import Refused
from service.kernel.crypto import KeyRing
from service.storage.keyfile import kept_ring

ADMIN = "admin@gatehouse.local"
PASSWORD = "correct-horse-battery-staple-9"

_COMMAND = Path(sys.executable).with_name("gatehouse")
_START_SECONDS = 60
_LOGGED_AFTER = 1.0  # the log gathers its lines for a while
_HEALTH = "/grpc.health.v1.Health/Check"
_HANDLED = re.compile(
    r'^grpc_server_handled_total{grpc_code="(\w+)",grpc_method="(\w+)".*} ([\d.e+]+)$', re.MULTILINE
)


class Gatehouse:
    """Runs while its block does; its data goes with it unless `data_dir` was given.

    Settings are as in the environment, without their prefix.
    """

    def __init__(self, data_dir: Path | None = None, **settings: str) -> None:
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="gatehouse-bench-"))
        self.data_dir = data_dir or self._folder / "data"
        self.target = f"127.0.0.1:{free_port()}"
        self._ops = f"127.0.0.1:{free_port()}"

    def __enter__(self) -> Self:
        started = perf_counter()
        with (self._folder / "log.json").open("ab") as log:
            self._process = subprocess.Popen(
                [_COMMAND, "serve"], env=self._environment(), stdout=log, stderr=log
            )
        os.sched_setaffinity(self.pid, ALL_CORES)
        try:
            self._wait_until_serving()
        except BaseException:
            self.__exit__()
            raise
        self.start_seconds = perf_counter() - started
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The server process; the stores are its children."""
        return self._process.pid

    def pin(self) -> None:
        """The server onto its core, its stores beside the load."""
        pin(self.pid, [SERVER_CORE])
        pin_children(self.pid, [LOAD_CORE])

    def spread(self) -> None:
        """Everything onto every core, as it would run by itself."""
        pin(self.pid, ALL_CORES)
        pin_children(self.pid, ALL_CORES)

    @cached_property
    def channel(self) -> grpc.Channel:
        """For set-up; load has channels of its own."""
        return grpc.insecure_channel(self.target)

    @cached_property
    def auth(self) -> auth_service_pb2_grpc.AuthServiceStub:
        """For set-up."""
        return auth_service_pb2_grpc.AuthServiceStub(self.channel)

    @cached_property
    def users(self) -> user_service_pb2_grpc.UserServiceStub:
        """For set-up."""
        return user_service_pb2_grpc.UserServiceStub(self.channel)

    @property
    def as_admin(self) -> tuple[tuple[str, str], ...]:
        """The metadata of the first admin's calls."""
        return (("authorization", f"Bearer {self.admin_token}"),)

    @cached_property
    def admin_token(self) -> str:
        """The first admin's."""
        return self.sign_in(ADMIN).access_token

    def sign_in(self, email: str) -> tokens_pb2.Tokens:
        """Everyone here has the same password."""
        request = auth_service_pb2.LoginRequest(email=email, password=PASSWORD)
        return self.auth.Login(request, timeout=60).tokens

    def create_user(self, email: str) -> user_pb2.User:
        """One who can sign in."""
        request = user_service_pb2.CreateUserRequest(
            user=user_pb2.User(email=email, display_name="Ada Lovelace"), password=PASSWORD
        )
        return self.users.CreateUser(request, metadata=self.as_admin, timeout=60).user

    @property
    def ring(self) -> KeyRing:
        """The keys that seal this server's data."""
        return kept_ring(self.data_dir / "encryption.keys")

    @contextmanager
    def counted(self, calls: Callable[[], Mapping[str, int]]) -> Iterator[None]:
        """Makes sure that the server answered exactly these calls in the block, all OK.

        `calls` says afterwards how many of which method there were.

        Raises Refused: a fast error is no answer, and h2load cannot tell them apart.
        """
        before = self._handled()
        yield
        new = self._handled() - before
        wanted = {(method, "OK"): count for method, count in calls().items()}
        if new != wanted:
            raise Refused(f"made {wanted}, the server counted {dict(new)}")

    @contextmanager
    def timed(self, request: Request) -> Iterator[list[float]]:
        """Fills a list with the milliseconds that the server took for each call in the block.

        They are the access log's: the pipeline and the work in it, but not gRPC's transport.
        """
        line = re.compile(rf'"method":"{re.escape(request.method)}".*"duration_ms":([\d.]+)')
        found: list[float] = []
        with (self._folder / "log.json").open() as log:
            log.seek(0, os.SEEK_END)
            yield found
            sleep(_LOGGED_AFTER)
            found += map(float, line.findall(log.read()))

    def reaches(self, request: Request) -> bytes:
        """The answer to one call, so that a mistake in the set-up shows before a run does."""
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(request.method)
        return call(request.body, metadata=request.metadata, timeout=60)

    def _handled(self) -> Counter[tuple[str, str]]:
        with urllib.request.urlopen(f"http://{self._ops}/metrics", timeout=30) as page:
            text = page.read().decode()
        return Counter(
            {(method, code): int(float(n)) for code, method, n in _HANDLED.findall(text)}
        )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "GATEHOUSE_" not in name}
        ours = {
            "DATA_DIR": str(self.data_dir),
            "GRPC_ADDRESS": self.target,
            "OPS_ADDRESS": self._ops,
            "BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
            "BCRYPT_COST": "12",
            "LOGIN_RATE": "1000000/minute",
            "ACCESS_TOKEN_LIFETIME": "12h",
            "LOG_FORMAT": "json",
        }
        given = ours | self._settings
        return kept | {f"GATEHOUSE_{name}": value for name, value in given.items()}

    def _wait_until_serving(self) -> None:
        deadline = perf_counter() + _START_SECONDS
        with grpc.insecure_channel(self.target, options=_QUICK_TO_RECONNECT) as channel:
            check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_HEALTH)
            while perf_counter() < deadline:
                if self._process.poll() is not None:
                    raise Refused(f"gatehouse serve ended: {self._log_end()}")
                try:
                    answer = health_pb2.HealthCheckResponse.FromString(check(b"", timeout=1))
                    if answer.status == health_pb2.HealthCheckResponse.SERVING:
                        return
                except grpc.RpcError:
                    pass
                sleep(0.01)
        raise Refused(f"gatehouse serve was not SERVING within {_START_SECONDS} s")

    def _log_end(self) -> str:
        return (self._folder / "log.json").read_text()[-2000:]


_QUICK_TO_RECONNECT = (
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 20),
)


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
