"""An honest identity provider: `oidc-provider-mock`, in a process of its own."""

import subprocess
import sys
from typing import Any

import requests

_SERVE = """
import os
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
import oidc_provider_mock

with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
    print(server.server_port, flush=True)
    sys.stdin.read()
"""


class ProviderProcess:
    """Starts at once, and ends with this process, however that ends."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the provider did not start"
        self.issuer = f"http://localhost:{int(line)}"

    def know(self, person: str, **claims: Any) -> None:
        """Lets somebody sign in there."""
        answer = requests.put(f"{self.issuer}/users/{person}", json=claims, timeout=20)
        assert answer.status_code == 204, answer.text

    def stop(self) -> None:
        """Kills it."""
        self._process.kill()
        with self._process:
            pass
