"""One line for each finished call, written in batches: a call spends a microsecond on its line.

structlog would cost some 30 µs a line, as much as the rest of the pipeline.
"""

import os
import threading
from collections import deque
from json.encoder import encode_basestring_ascii
from time import gmtime, strftime

import structlog

from service.kernel.call import Call
from service.kernel.clock import Clock

_GATHER = 0.05
_LIMIT = 8192
_LAST_WORDS = 2.0

log = structlog.get_logger("gatehouse.access")

_Line = tuple[float, float, str, str, str, str, str]


class AccessLog:
    """Writes to a file descriptor in a thread of its own.

    Lines wait at most 50 ms, and at most 8192 of them: while the stream blocks or fails, further
    ones are dropped and counted, never waited for. `form` is `console` or `json`.
    """

    def __init__(self, descriptor: int, form: str, clock: Clock) -> None:
        self._descriptor = descriptor
        self._format = _json if form == "json" else _console
        self._now = clock.timestamp
        self._waiting: deque[_Line] = deque()
        self._asleep = False
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._count = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        self.dropped = 0

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Writes what is left and ends; gives up after 2 s on a stream that blocks."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_WORDS)

    def write(self, call: Call, code: str, seconds: float) -> None:
        """Keeps the line of a finished call for the next batch."""
        if len(self._waiting) >= _LIMIT:
            self._drop(1)
            return
        self._waiting.append(
            (self._now(), seconds, code, call.method, call.request_id, call.actor, call.peer)
        )
        if self._asleep:
            self._asleep = False
            self._news.set()

    def _drop(self, lines: int) -> None:
        with self._count:
            self.dropped += lines

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._sleep_until_news()
            self._stopping.wait(_GATHER)
            self._write_batch()
        self._write_batch()

    def _sleep_until_news(self) -> None:
        # In this order: a caller appends before it looks whether anybody sleeps.
        self._asleep = True
        if not self._waiting:
            self._news.wait()
        self._asleep = False
        self._news.clear()

    def _write_batch(self) -> None:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not lines:
            return
        try:
            # One system call for all: each lets go of the interpreter, and waits to get it back.
            self._write("".join(map(self._format, lines)).encode())
        except OSError as error:
            self._drop(len(lines))
            log.debug("access lines dropped", lines=len(lines), why=error.strerror)

    def _write(self, batch: bytes) -> None:
        left = memoryview(batch)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # somebody made the stream non-blocking
                if self._stopping.wait(_GATHER):
                    raise


def _time(timestamp: float) -> str:
    return f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(timestamp))}.{int(timestamp * 1000) % 1000:03}Z"


def _json(line: _Line) -> str:
    timestamp, seconds, code, method, request_id, subject, peer = line
    return (
        f'{{"time":"{_time(timestamp)}","level":"info","logger":"gatehouse.access","event":"call",'
        f'"request_id":{_quoted(request_id)},"method":{_quoted(method)},'
        f'"code":"{code}","duration_ms":{seconds * 1000:.3f},'
        f'"subject":{_quoted(subject)},"peer":{_quoted(peer)}}}\n'
    )


def _console(line: _Line) -> str:
    timestamp, seconds, code, method, request_id, subject, peer = line
    rest = " ".join(_quoted(it)[1:-1] or "-" for it in (subject, peer, request_id))
    return f"{_time(timestamp)} {code} {method} {seconds * 1000:.3f}ms {rest}\n"


_quoted = encode_basestring_ascii
