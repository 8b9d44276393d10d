"""Writers: as many transactions of use cases as go through, each writer in a process of its own.

Run as `python -m bench.load.writers DATA_DIR NUMBER` beside a running server; for each line with a
number of seconds and whether to record an event with each it answers how many it committed.
"""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Self

from sqlalchemy import text

from bench.machine import ALL_CORES, ROOT, pin
from bench.rounds import Measured
from service.embedded.running import open_stores
from service.kernel.call import Call
from service.kernel.events import Event
from service.storage.database import Database
from service.storage.keyfile import kept_ring

# Each writer has a row of its own, so that they meet nowhere but in the order of their events.
_INSERT = text(
    "INSERT INTO groups (name, display_name, description, create_time, update_time, version)"
    " VALUES (:name, '', '', now(), now(), 1)"
)
_CHANGE = text("UPDATE groups SET version = version + 1 WHERE name = :name")


class _Written(Event):
    type = "gatehouse.bench.written"


class Writers:
    """So many of them, on all cores, to the database of the server over `data_dir`."""

    def __init__(self, data_dir: Path, count: int) -> None:
        self._data_dir = data_dir
        self._count = count

    def __enter__(self) -> Self:
        self._writers = [
            subprocess.Popen(
                [sys.executable, "-m", __name__, str(self._data_dir), str(number)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
            )
            for number in range(self._count)
        ]
        for writer in self._writers:
            pin(writer.pid, ALL_CORES)
        self._answers()  # they are ready
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.kill()
            writer.wait()

    def run(self, seconds: float, *, events: bool) -> Measured:
        """All at once, for so long. Raises ValueError when one ended."""
        for writer in self._writers:
            print(json.dumps([seconds, events]), file=writer.stdin)
        return Measured(sum(self._answers()), seconds)

    def _answers(self) -> list[int]:
        return [int(writer.stdout.readline()) for writer in self._writers if writer.stdout]


def _write(database: Database, name: str, seconds: float, *, events: bool) -> int:
    committed, end = 0, perf_counter() + seconds
    while perf_counter() < end:
        with database.transaction(Call.internal("bench")) as tx:
            tx.connection.execute(_CHANGE, {"name": name})
            if events:
                tx.record(_Written(name))
            tx.commit(None)
        committed += 1
    return committed


def _main(data_dir: Path, number: int) -> None:
    name = f"groups/writer-{number}"
    with ExitStack() as closing:
        stores = closing.enter_context(open_stores(data_dir))
        ring = kept_ring(data_dir / "encryption.keys")
        database = Database(stores.database_url, ring, connections=1)
        closing.callback(database.dispose)
        with database.transaction(Call.internal("bench")) as tx:
            tx.connection.execute(_INSERT, {"name": name})
            tx.commit(None)
        print(0, flush=True)
        for line in sys.stdin:
            seconds, events = json.loads(line)
            print(_write(database, name, seconds, events=events), flush=True)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
