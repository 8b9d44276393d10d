"""The embedded Valkey."""

import socket
import time
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from signal import Signals
from urllib.parse import quote

from service.embedded.leftovers import leftovers, still_running, wait_for_end
from service.embedded.process import Workplace, end

_READY_SECONDS = 60
_STOP_SECONDS = 30
_SOCKET = "valkey.sock"

# An append-only file synced each second: what it keeps (last-seen times, throttles, a cache) may
# lose a second in a power cut, and nothing when a process dies. Sockets only.
_CONFIGURATION = """
port 0
unixsocket {socket}
unixsocketperm 700
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory 256mb
maxmemory-policy volatile-lru
locale-collate C
"""


def url_at(sockets: Path, password: str) -> str:
    """The URL of the server whose socket lies in the folder."""
    return f"unix://:{quote(password)}@{sockets / _SOCKET}"


class Valkey:
    """A Valkey server over the data in one folder, reached over a unix socket with a password."""

    def __init__(self, place: Workplace, program: Path, sockets: Path, password: str) -> None:
        self._place = place
        self._program = program
        self._socket = sockets / _SOCKET
        self._password = password

    @property
    def url(self) -> str:
        return url_at(self._socket.parent, self._password)

    def start(self, keeper: Executor) -> None:
        """Returns before it is ready. Raises EmbeddedError, OSError."""
        self._end_left()
        self._process = self._place.spawn(
            keeper,
            self._program,
            "-",
            # Over standard input: nobody reads the password from a command line or another file.
            given=_CONFIGURATION.format(socket=self._socket, password=self._password),
            ends_with=Signals.SIGTERM,
        )

    def wait_until_ready(self) -> None:
        """Waits until the data are loaded. Raises EmbeddedError when it ends or takes too long."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                raise self._place.failure("did not start")
            if time.monotonic() > deadline:
                raise self._place.failure(f"was not ready after {_READY_SECONDS} s")
            time.sleep(0.005)

    def stop(self) -> None:
        """Waits for its last write. Raises EmbeddedError when it does not end."""
        end(
            self._process,
            self._place.store,
            Signals.SIGTERM,
            Signals.SIGKILL,
            seconds=_STOP_SECONDS,
        )

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_READY_SECONDS)
            connection.connect(str(self._socket))
            connection.sendall(f"AUTH {self._password}\r\nPING\r\nQUIT\r\n".encode())
            with connection.makefile("rb") as answers:
                return b"+PONG\r\n" in answers.readlines()
        return False

    def _end_left(self) -> None:
        with leftovers(self._place.folder, self._program.name) as left:
            for signal in (Signals.SIGTERM, Signals.SIGKILL):
                for one in left:
                    one.send(signal)
                if wait_for_end(left, _STOP_SECONDS):
                    return
            raise still_running(self._place.folder, left)
