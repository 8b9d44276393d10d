"""The `gatehouse` command in processes of its own: at a shell, and as a server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import forked

_COMMAND = (sys.executable, "-c", "from service.cli.main import main; main()")
_PATIENCE = 60

# What a server is told that a test starts: free ports, and nothing that makes it wait.
QUICK = {
    "GRPC_ADDRESS": "127.0.0.1:0",
    "OPS_ADDRESS": "127.0.0.1:0",
    "BCRYPT_COST": "4",
    "LOGIN_RATE": "1000000/minute",
}


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it answered; only where it succeeded."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line it failed with."""
        assert self.code == 1, self.out
        [line] = self.err.splitlines()
        return line


class Shell:
    """Someone's terminal: their environment, and the commands they type."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if "GATEHOUSE" not in name}
        self.environment = kept | {"XDG_STATE_HOME": str(home), **environment}

    def start(
        self, *arguments: str | Path, code: str = "", stdout: Any = subprocess.PIPE
    ) -> "subprocess.Popen[str]":
        """Types a command and does not wait; `code` is run before, in the same process."""
        command = [sys.executable, "-c", f"{code}\n{_COMMAND[2]}"] if code else _COMMAND
        return subprocess.Popen(
            [*command, *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str | Path, typed: str = "") -> Done:
        """Types a command, and `typed` into it. It needs no interpreter that was just started."""
        return finish(forked.run(["gatehouse", *arguments], env=self.environment), typed)

    def token_files(self) -> list[Path]:
        """Where the tokens are kept."""
        return sorted(self.home.rglob("*.json"))

    def age_tokens(self) -> None:
        """Lets the access token seem to have expired, so that the next command refreshes."""
        [file] = self.token_files()
        file.write_text(json.dumps(json.loads(file.read_text()) | {"expires": 0.0}))


def finish(process: "subprocess.Popen[str] | forked.Forked", typed: str = "") -> Done:
    """Waits for the end."""
    with process:
        out, err = process.communicate(typed, timeout=_PATIENCE)
    return Done(process.returncode, out, err)


@dataclass(frozen=True)
class Served:
    """A server process, and what it said at its start."""

    announced: str
    data_dir: Path
    settings: dict[str, str]

    @property
    def address(self) -> str:
        """Where it serves."""
        return self._said(r"^  gRPC +(\S+)")

    @property
    def ops(self) -> str:
        """Where operators look."""
        return self._said(r"^  ops +(https?://[^/]+)")

    @property
    def password(self) -> str:
        """The first admin's."""
        return self._said(r"^  password +(\S+)")

    def _said(self, pattern: str) -> str:
        found = re.search(pattern, self.announced, re.MULTILINE)
        assert found, self.announced
        return found[1]


@contextmanager
def served(data_dir: Path, **settings: str) -> Iterator[Served]:
    """`gatehouse serve` with stores of its own, on free ports, for as long as the block runs."""
    chosen = QUICK | {"DATA_DIR": str(data_dir)} | settings
    given = {f"GATEHOUSE_{name}": value for name, value in chosen.items()}
    log = data_dir.with_suffix(".log")
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*_COMMAND, "serve"],
            env=os.environ | given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    with process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if not line.strip() and any("Try" in one for one in lines):
                    break
            assert lines, log.read_text()
            yield Served("".join(lines), data_dir, given)
        finally:
            process.terminate()
            process.wait(_PATIENCE)
