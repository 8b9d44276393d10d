"""A receiver of webhooks: answers at once what comes to `/quick/…`, and never what else comes.

Run as `python -m bench.load.receiver`; prints its port. For each line with a number it answers when
the first and the last of so many messages came to `/quick/…` since it was last asked, and then
closes what it left unanswered.
"""

import asyncio
import json
import re
import subprocess
import sys
from time import perf_counter
from typing import Self

from bench.machine import LOAD_CORE, ROOT, pin
from bench.outcome import Refused
from bench.rounds import Measured

QUICK, DEAD = "/quick", "/dead"

_LATEST = 60.0
_ID = re.compile(rb"\r\nwebhook-id: *(\S+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


class Receiver:
    """The process, beside the load."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        pin(self._process.pid, [LOAD_CORE])
        self.url = f"http://127.0.0.1:{json.loads(self._read())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def took(self, messages: int) -> Measured:
        """From the first of so many to the last. Raises Refused when they do not all come."""
        assert self._process.stdin
        print(messages, file=self._process.stdin)
        if (found := json.loads(self._read())) is None:
            raise Refused(f"not all of {messages} webhooks came within {_LATEST:g} s")
        first, last = found
        return Measured(messages - 1, last - first)

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


class _Inbox:
    """What came, each message to each path once, and who waits for an answer that never comes."""

    def __init__(self) -> None:
        self.came: dict[tuple[bytes, bytes], float] = {}
        self.hanging: set[asyncio.BaseTransport] = set()

    def clear(self) -> None:
        self.came.clear()
        for transport in self.hanging:
            transport.close()
        self.hanging.clear()


class _Connection(asyncio.Protocol):
    """One message."""

    def __init__(self, inbox: _Inbox) -> None:
        self._inbox = inbox
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        length, message = _LENGTH.search(head), _ID.search(head)
        if not end or not length or not message or len(body) < int(length[1]):
            return
        path = head.split(b" ", 2)[1]
        if not path.startswith(QUICK.encode()):
            self._inbox.hanging.add(self._transport)
            return
        self._transport.write(_ANSWER)
        self._transport.close()
        self._inbox.came.setdefault((path, message[1]), perf_counter())


async def _main() -> None:
    inbox = _Inbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(inbox), "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        deadline = perf_counter() + _LATEST
        while len(inbox.came) < int(line) and perf_counter() < deadline:
            await asyncio.sleep(0.02)
        times = sorted(inbox.came.values())
        complete = len(times) == int(line)
        print(json.dumps([times[0], times[-1]] if complete else None), flush=True)
        inbox.clear()


if __name__ == "__main__":
    asyncio.run(_main())
