"""Starting a store's program and ending it."""

import os
import re
import subprocess
import sys
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from subprocess import DEVNULL, PIPE

from service.embedded import launch
from service.embedded.errors import EmbeddedError
from service.embedded.privileges import Account

_LOG_BYTES_KEPT = 10_000_000

# PostgreSQL's words behind its time stamp, or a whole line that is no headline of Valkey's.
_CAUSE = re.compile(r"(FATAL|PANIC|ERROR): .*|^(?!\*).*(error|Can't).*")


class Log:
    """The log file of a store, below DATA_DIR/logs; what this run adds begins at `_start`."""

    def __init__(self, path: Path) -> None:
        """Sets an overlong file of earlier runs aside. Raises OSError."""
        self.path = path
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.exists() and path.stat().st_size > _LOG_BYTES_KEPT:
            path.replace(path.with_name(f"{path.name}.1"))
        os.close(self.open())
        self._start = path.stat().st_size

    def open(self) -> int:
        """Answers a descriptor that appends; the caller closes it. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        return os.open(self.path, flags, 0o600)

    def complaint(self) -> str:
        """Answers what this run said first that reads like a cause, else its last line."""
        with self.path.open("rb") as stream:
            stream.seek(self._start)
            lines = stream.read().decode("utf-8", "replace").split("\n")
        spoken = [line.strip() for line in lines if line.strip()]
        causes = [cause[0] for line in spoken if (cause := _CAUSE.search(line))]
        return [*causes, *spoken[-1:], "it said nothing"][0]


@dataclass(frozen=True)
class Workplace:
    """Where a store's programs run, as whom, and where they log."""

    store: str
    folder: Path
    account: Account | None
    log: Log

    def run(self, program: Path, *arguments: str, given: str = "") -> None:
        """Runs a program to its end. Raises EmbeddedError when it fails."""
        log = self.log.open()
        try:
            done = subprocess.run(
                self._command(program, arguments, Signals.SIGTERM),
                cwd=self.folder,
                input=given.encode(),
                stdout=log,
                stderr=log,
                umask=0o077,
                start_new_session=True,
                check=False,
            )
        finally:
            os.close(log)
        if done.returncode != 0:
            raise self.failure(f"{program.name} failed")

    def spawn(
        self, keeper: Executor, program: Path, *arguments: str, given: str = "", ends_with: Signals
    ) -> "subprocess.Popen[bytes]":
        """Starts a program that stays, and gets the signal `ends_with` when our process dies.

        Linux sends that signal when the *thread* that started the program ends, so `keeper` must
        be one that ends with the process. A session of its own keeps a Ctrl-C in our terminal
        away from the store, which must live until we have drained.

        Raises OSError.
        """
        log = self.log.open()
        try:
            process = keeper.submit(
                subprocess.Popen,
                self._command(program, arguments, ends_with),
                cwd=self.folder,
                stdin=PIPE if given else DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                start_new_session=True,
            ).result()
        finally:
            os.close(log)
        if process.stdin is not None:
            with process.stdin as stream:
                stream.write(given.encode())
        return process

    def failure(self, what: str) -> EmbeddedError:
        return EmbeddedError(f"{self.store}: {what}: {self.log.complaint()} (log: {self.log.path})")

    def _command(self, program: Path, arguments: tuple[str, ...], death: Signals) -> list[str]:
        account = "-" if self.account is None else f"{self.account.uid}:{self.account.gid}"
        launcher = [sys.executable, "-I", "-S", launch.__file__]
        told = [str(os.getpid()), str(death.value), account, str(program)]
        return [*launcher, *told, *arguments]


def end(process: "subprocess.Popen[bytes]", store: str, *signals: Signals, seconds: float) -> None:
    """Sends each signal in turn and waits up to `seconds` after each for the process to end.

    Raises EmbeddedError when it outlives them all.
    """
    for signal in signals:
        process.send_signal(signal)
        try:
            process.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            continue
    raise EmbeddedError(f"{store}: process {process.pid} does not end")
