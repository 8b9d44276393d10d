"""A terminal of a given width, to see what people see."""

import codecs
import fcntl
import os
import pty
import struct
import termios

from tests.support import forked
from tests.support.commands import Shell


class Terminal:
    """A pseudo-terminal with a command in it."""

    def __init__(self, shell: Shell, *arguments: str, columns: int = 80) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self._ours = ours
        self._process = forked.run(
            ["gatehouse", *arguments],
            env=shell.environment | {"TERM": "xterm", "COLUMNS": str(columns)},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self.shown = ""

    def type(self, line: str, *, at: str) -> None:
        """Types a line once the prompt is there."""
        while at not in self.shown:
            self.shown += self._decode(os.read(self._ours, 4096))
        self.shown = ""
        os.write(self._ours, f"{line}\n".encode())

    def end(self) -> int:
        """Reads to the end; answers the exit code."""
        try:
            while chunk := os.read(self._ours, 4096):
                self.shown += self._decode(chunk)
        except OSError:  # how Linux says that the other side is closed
            pass
        os.close(self._ours)
        return self._process.wait(30)
