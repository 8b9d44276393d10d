"""bcrypt and nothing else, one thread for each core, at the priority that Gatehouse hashes with.

Run as `python -m bench.peers.raw_bcrypt`; for each line with a number of seconds it answers how
many checks it did, and in how many seconds.
"""

import os
import subprocess
import sys
import threading
from time import perf_counter
from typing import Self

import bcrypt

from bench.machine import ALL_CORES, ROOT, cpu_seconds, pin
from bench.rounds import Measured

_COST = 12
_PASSWORD = b"correct-horse-battery-staple-9"


def check_for(seconds: float, kept: bytes) -> tuple[int, float]:
    """Checks on all cores; from the first answer on, so that no check is counted in part."""
    answers: list[float] = []
    end = perf_counter() + seconds

    def check() -> None:
        while perf_counter() < end:
            bcrypt.checkpw(_PASSWORD, kept)
            answers.append(perf_counter())

    threads = [threading.Thread(target=check) for _ in ALL_CORES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The last of each thread but one end while other threads are already done.
    whole = sorted(answers)[: -(len(threads) - 1) or None]
    return len(whole) - 1, whole[-1] - whole[0]


class RawBcrypt:
    """The checks in a process of their own, on all cores."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        pin(self._process.pid, ALL_CORES)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def run(self, seconds: float) -> Measured:
        """Checks for so long."""
        cpu = cpu_seconds(self._process.pid)
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        checks, took = self._process.stdout.readline().split()
        cpu = cpu_seconds(self._process.pid) - cpu
        # The checks at the edges took CPU time too, but are not counted.
        return Measured(int(checks), float(took), cpu=cpu * float(took) / seconds)


if __name__ == "__main__":
    os.nice(10)
    hashed = bcrypt.hashpw(_PASSWORD, bcrypt.gensalt(_COST))
    for line in sys.stdin:
        print(*check_for(float(line), hashed), flush=True)
