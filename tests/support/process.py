"""A real `gatehouse serve`, in a process of its own that can be killed."""

import json
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGTERM, Signals
from typing import Any

import psutil

from tests.support import forked
from tests.support.commands import QUICK
from tests.support.house import PASSWORD, Site
from tests.support.waiting import wait_until


class ServerProcess:
    """Serves from one DATA_DIR; can be started again after it ended, however it ended."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        ours = {
            "DATA_DIR": str(data_dir),
            "BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
            "LOG_FORMAT": "json",
            "DRAIN_WAIT": "0s",
        }
        self._settings = QUICK | ours | settings
        self.lines: list[dict[str, Any]] = []
        self.site: Site | None = None

    def start(self) -> Site:
        """Starts, and answers the site once it serves."""
        self.lines = []
        self.close_channel()
        ours = {f"GATEHOUSE_{name}": value for name, value in self._settings.items()}
        self.process = forked.run(
            ["gatehouse", "serve"],
            env={**os.environ, **ours},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: self._serving() or self.process.poll() is not None, "serving", 60)
        serving = self._serving()
        assert serving, self.lines
        self.site = Site(serving["grpc"])
        return self.site

    def stores(self, name: str) -> list[psutil.Process]:
        """The processes of a store: `postgres` or `valkey`."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [it for it in found if name in it.name()]

    def signal_stores(self, name: str, signal: Signals) -> list[psutil.Process]:
        """Sends every process of a store a signal."""
        found = self.stores(name)
        assert found, f"no {name} runs"
        _signal(found, signal)
        return found

    def crash_postgres(self) -> None:
        """Kills all of PostgreSQL but its postmaster, which then recovers by itself."""
        backends = [it for it in self.stores("postgres") if it.ppid() != self.process.pid]
        assert backends
        _signal(backends, SIGKILL)

    def kill_everything(self) -> None:
        """The server and both stores at once, as when the power goes."""
        every = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(True)]
        _signal(every, SIGKILL)
        self._ended()
        psutil.wait_procs(every, 30)

    def kill_server(self) -> None:
        """The server alone; its stores are left to see to themselves."""
        self.process.send_signal(SIGKILL)
        self._ended()

    def stop(self) -> int:
        """Asks the server to leave; answers its exit code."""
        self.process.send_signal(SIGTERM)
        return self._ended()

    def close_channel(self) -> None:
        """Closes the channel to the server that was there before."""
        if self.site is not None:
            self.site.channel.close()

    def close(self) -> None:
        """Ends whatever is left of it."""
        self.close_channel()
        if self.process.poll() is None:
            _signal(psutil.Process(self.process.pid).children(recursive=True), SIGCONT)
            self.stop()

    def _ended(self) -> int:
        code = self.process.wait(60)
        self._reader.join()
        return code

    def _serving(self) -> dict[str, Any] | None:
        return next((it for it in self.lines if it.get("event") == "serving"), None)

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                self.lines.append(json.loads(line) if line.startswith("{") else {"text": line})


def _signal(processes: list[psutil.Process], signal: Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # PostgreSQL's come and go
            process.send_signal(signal)
