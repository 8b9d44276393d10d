"""The embedded PostgreSQL."""

import sys
import time
from concurrent.futures import Executor
from pathlib import Path
from signal import Signals

import psycopg

from service.embedded.cluster import DATABASE, ROLE
from service.embedded.leftovers import leftovers, still_running, wait_for_end
from service.embedded.privileges import HERE
from service.embedded.process import Workplace, end
from service.embedded.programs import Programs

# Recovery after a kill replays what no checkpoint has written yet.
_READY_SECONDS = 300
_STOP_SECONDS = 60
_PORT = 5432  # only a part of the socket's name

_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # A small machine: the kernel's page cache does the rest, and fewer processes idle.
    "shared_buffers": "64MB",
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "gatehouse",
    # What clients do wrong they log themselves, and values do not belong in this log.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


def url_at(sockets: Path, password: str) -> str:
    """The URL of the server whose socket lies in the folder."""
    where = f"host={sockets}&port={_PORT}"
    return f"postgresql+psycopg://{ROLE}:{password}@/{DATABASE}?{where}"


class Postgres:
    """A PostgreSQL server over the data in one folder, reached over a unix socket."""

    def __init__(
        self,
        place: Workplace,
        programs: Programs,
        sockets: Path,
        password: str,
        password_file: Path,
    ) -> None:
        self._place = place
        self._programs = programs
        self._sockets = sockets
        self._password = password
        self._password_file = password_file

    @property
    def url(self) -> str:
        return url_at(self._sockets, self._password)

    def start(self, keeper: Executor) -> None:
        """Returns before it is ready. Raises EmbeddedError, OSError."""
        self._end_left()
        settings = {**_SETTINGS, "unix_socket_directories": str(self._sockets)}
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        self._process = self._place.spawn(
            keeper, self._programs.postgres, "-D", HERE, *arguments, ends_with=Signals.SIGINT
        )

    def wait_until_ready(self) -> None:
        """Waits for recovery, then signs in once.

        Raises EmbeddedError when it ends, takes too long or refuses our password.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                raise self._place.failure("did not start")
            if time.monotonic() > deadline:
                raise self._place.failure(f"was not ready after {_READY_SECONDS} s")
            time.sleep(0.005)
        try:
            psycopg.connect(
                host=str(self._sockets),
                port=_PORT,
                user=ROLE,
                password=self._password,
                dbname=DATABASE,
            ).close()
        except psycopg.OperationalError:
            raise self._place.failure(f"refuses the password in {self._password_file}") from None

    def stop(self) -> None:
        """Ends all sessions, writes a last checkpoint and waits for it.

        Should that take too long, it ends at once, and the next start recovers.

        Raises EmbeddedError when it does not end.
        """
        end(
            self._process,
            self._place.store,
            Signals.SIGINT,
            Signals.SIGQUIT,
            seconds=_STOP_SECONDS,
        )

    def _is_ready(self) -> bool:
        facts = _postmaster_facts(self._place.folder)
        return facts[:1] == [str(self._process.pid)] and facts[7:8] == ["ready"]

    def _end_left(self) -> None:
        folder = self._place.folder
        with leftovers(folder, self._programs.postgres.name) as left:
            pid = _postmaster_facts(folder)[:1]
            for signal in (Signals.SIGINT, Signals.SIGQUIT):
                # Only the postmaster is asked to shut down; the rest follow it. Parts that it
                # left behind have no one to follow and nothing to save: recovery comes anyway.
                leaders = [one for one in left if [str(one.pid)] == pid]
                for one in leaders or left:
                    one.send(signal if leaders else Signals.SIGQUIT)
                if wait_for_end(left, _STOP_SECONDS):
                    break
            else:
                raise still_running(folder, left)
        if sys.platform == "linux":
            # Nothing of it runs, so the file is stale; should its pid have passed to another
            # process of ours, PostgreSQL would believe the file and refuse to start.
            (folder / "postmaster.pid").unlink(missing_ok=True)


def _postmaster_facts(folder: Path) -> list[str]:
    """The lines of postmaster.pid: pid first, the state (`ready`) eighth; none without a server."""
    try:
        text = (folder / "postmaster.pid").read_text("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines()]
