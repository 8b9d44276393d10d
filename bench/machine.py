"""The machine: which core does what, how busy the cores are, and what to write beside a figure."""

import os
import platform
import resource
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF
from time import perf_counter

import psutil

# The server and the load never share a core unless there is only one.
ALL_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = ALL_CORES[0]
LOAD_CORE = ALL_CORES[-1]

ROOT = Path(__file__).parents[1]
_PACKAGES = ("grpcio", "protobuf", "psycopg", "SQLAlchemy", "bcrypt", "cryptography", "redis")


def pin(pid: int, cores: list[int]) -> None:
    """Moves every thread of a process; those it starts later follow the one that starts them."""
    for thread in psutil.Process(pid).threads():
        os.sched_setaffinity(thread.id, cores)


def pin_children(pid: int, cores: list[int]) -> None:
    """Moves every process below `pid`."""
    for child in psutil.Process(pid).children(recursive=True):
        pin(child.pid, cores)


def cpu_seconds(pid: int) -> float:
    """What the process's threads have spent so far, without its children."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@dataclass(frozen=True)
class Meter:
    """What everybody has spent so far: who else is at work shows in the difference of two."""

    time: float
    server: float
    load: float
    busy: dict[int, float]

    @classmethod
    def read(cls, server: int) -> "Meter":
        """Of now. All that the benchmark started but the server counts as load."""
        started = [one.pid for one in psutil.Process().children(recursive=True)]
        usage = [resource.getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
        return cls(
            perf_counter(),
            cpu_seconds(server),
            sum(cpu_seconds(pid) for pid in started if pid != server)
            + sum(one.ru_utime + one.ru_stime for one in usage),
            {core: _busy_seconds(core) for core in ALL_CORES},
        )

    def others(self, before: "Meter") -> float:
        """The share of a core that went to processes outside the benchmark since `before`."""
        cores = (SERVER_CORE, LOAD_CORE)
        busy = {core: self.busy[core] - before.busy[core] for core in cores}
        busy[SERVER_CORE] -= self.server - before.server
        busy[LOAD_CORE] -= self.load - before.load
        return max(0.0, *busy.values()) / (self.time - before.time)

    def others_anywhere(self, before: "Meter") -> float:
        """The same where nobody has a core of their own; the kernel's own work is others', too."""
        busy = sum(self.busy.values()) - sum(before.busy.values())
        ours = self.server - before.server + self.load - before.load
        return max(0.0, busy - ours) / (self.time - before.time)


def _busy_seconds(core: int) -> float:
    times = psutil.cpu_times(percpu=True)[core]
    return float(sum(times) - times.idle - times.iowait)


@dataclass(frozen=True)
class Facts:
    """What a reader needs to know to compare figures."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    commit: str
    packages: dict[str, str]


def facts() -> Facts:
    """The machine, the commit and the versions of now."""
    return Facts(
        cpu=_cpu_model(),
        cores=len(ALL_CORES),
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        commit=_commit(),
        packages={name: version(name) for name in _PACKAGES},
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """The short commit, with `-dirty` when what was measured is not what was committed."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
