"""Ending what a killed run left behind.

A store gets a signal when our process dies (see process.py), but may still be busy with its
shutdown when the next run begins, and the parts of a killed PostgreSQL end only when they notice.
A process belongs to a store's folder if it runs the store's program *and* works in that folder:
no pid is believed, so no unrelated process is ever signalled, however pids were reused.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from service.embedded.errors import EmbeddedError


@dataclass(frozen=True)
class Leftover:
    """A process of an earlier run; `descriptor` means this very process, even if its pid is not."""

    pid: int
    descriptor: int

    def send(self, which: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, which)

    def ended(self, seconds: float) -> bool:
        return bool(select.select([self.descriptor], [], [], max(0, seconds))[0])


@contextmanager
def leftovers(folder: Path, program: str) -> Iterator[list[Leftover]]:
    """Finds the processes that run `program` in `folder`. Elsewhere than on Linux it finds none,
    and a store that still runs makes the start of the next fail. Raises OSError."""
    with ExitStack() as stack:
        found = []
        for pid in _pids():
            if not _works_in(pid, folder, program):
                continue
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            stack.callback(os.close, descriptor)
            # Once more: the pid may have passed to another between the look and the open.
            if _works_in(pid, folder, program):
                found.append(Leftover(pid, descriptor))
        yield found


def wait_for_end(all_of: list[Leftover], seconds: float) -> bool:
    """Answers whether all have ended within the time."""
    deadline = time.monotonic() + seconds
    return all(one.ended(deadline - time.monotonic()) for one in all_of)


def still_running(folder: Path, left: list[Leftover]) -> EmbeddedError:
    pids = ", ".join(str(one.pid) for one in left if not one.ended(0))
    return EmbeddedError(f"{folder} is still in use by process {pids} of an earlier run")


def _pids() -> list[int]:
    if sys.platform != "linux":
        return []
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _works_in(pid: int, folder: Path, program: str) -> bool:
    try:
        running = Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)")
        return running == program and Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        # It ended, or belongs to another user and so cannot be ours.
        return False
