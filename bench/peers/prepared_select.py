"""One prepared SELECT by key, as the server's own connections would make it.

Run as `python -m bench.peers.prepared_select DATA_DIR`; for each line with a number it makes so
many, one after the other, and answers with a line of JSON: a `Measured`.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Self

from bench.database import connect
from bench.load.python_client import closed_loop
from bench.machine import ROOT, SERVER_CORE, pin
from bench.rounds import Measured

_SELECT = "SELECT state FROM subjects WHERE name = %s"


class PreparedSelect:
    """A Python process on the server's core, connected to its database as the server is."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._data_dir)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        pin(self._process.pid, [SERVER_CORE])
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The asking process."""
        return self._process.pid

    def run(self, calls: int) -> Measured:
        """So many round trips."""
        assert self._process.stdin
        assert self._process.stdout
        print(calls, file=self._process.stdin)
        return Measured(**json.loads(self._process.stdout.readline()))


def _serve(data_dir: Path) -> None:
    with connect(data_dir) as connection:
        connection.autocommit = True
        cursor = connection.cursor()

        def select(_: int) -> None:
            cursor.execute(_SELECT, ("everyone",), prepare=True)
            assert cursor.fetchone() == ("ACTIVE",)

        for line in sys.stdin:
            print(json.dumps(asdict(closed_loop(select, int(line), 1))), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
