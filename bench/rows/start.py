"""From nothing to SERVING, and what the server holds while it idles."""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import sleep

import psutil

from bench.gatehouse import Gatehouse
from bench.machine import ROOT
from bench.outcome import Budget, Outcome
from bench.stage import Stage

_MIB = 2**20
_IDLE_SECONDS = 5
_IMPORTS = """
import psutil, service.cli.main, service.serving
print(psutil.Process().memory_info().rss)
"""


class Start:
    """The real command on embedded stores, on all cores as a person starts it."""

    name = "start"
    about = "start to SERVING, first and later, and idle memory"

    def measure(self, stage: Stage) -> list[Outcome]:
        """First starts each on a new DATA_DIR, later ones on the same again."""
        first: list[float] = []
        later: list[float] = []
        resident: list[int] = []
        stores: list[int] = []
        for number in range(stage.rounds):
            with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
                data_dir = Path(folder) / "data"
                stage.say(f"starting twice, {number + 1} of {stage.rounds}")
                with Gatehouse(data_dir) as server:
                    first.append(server.start_seconds)
                with Gatehouse(data_dir) as server:
                    later.append(server.start_seconds)
                    sleep(_IDLE_SECONDS)
                    resident.append(psutil.Process(server.pid).memory_info().rss)
                    stores.append(_proportional(server.pid))
        idle = median(resident) / _MIB
        return [
            self._took("first start to SERVING", first, 6),
            self._took("later start to SERVING", later, 2),
            Outcome(
                self.name,
                "server process, idle",
                idle,
                "MB",
                Budget(160, at_least=False, unit="MB"),
                notes=[
                    f"resident; the imports alone take {_imports() / _MIB:.0f} MB",
                    f"PostgreSQL and Valkey beside it: {median(stores) / _MIB:.0f} MB (PSS)",
                ],
                rounds=[
                    {"resident": r, "stores": s} for r, s in zip(resident, stores, strict=True)
                ],
            ),
        ]

    def _took(self, work: str, seconds: list[float], limit: float) -> Outcome:
        return Outcome(
            self.name,
            work,
            median(seconds),
            "s",
            Budget(limit, at_least=False, unit="s"),
            notes=[f"embedded stores; slowest of {len(seconds)}: {max(seconds):.2f} s"],
            rounds=[{"seconds": one} for one in seconds],
        )


def _proportional(pid: int) -> int:
    """What the stores hold, with pages that several of their processes share counted once."""
    children = psutil.Process(pid).children(recursive=True)
    return sum(child.memory_full_info().pss for child in children)


def _imports() -> int:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1])
