"""Receivers of webhooks on loopback, which answer as they are told to and keep what they get."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came; header names are in lower case."""

    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """What `webhook-id` says."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        """The CloudEvent in it."""
        return json.loads(self.body)


class Connection:
    """A request that is to be answered, or not."""

    def __init__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.writer = writer

    async def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer; `retry_after` and the like are headers."""
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def send(self, raw: bytes) -> None:
        """Bytes as they are."""
        self.writer.write(raw)
        await self.writer.drain()


Answer = Callable[[Connection], Any]


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    """Answers so."""
    return lambda connection: connection.answer(code, body, **headers)


OK = status(200, b"thanks")


def raw(content: bytes) -> Answer:
    """Answers with bytes that may be anything."""
    return lambda connection: connection.send(content)


async def hang(connection: Connection) -> None:
    """Never answers."""
    await asyncio.Event().wait()


async def close_early(connection: Connection) -> None:
    """Closes without an answer."""


def drip(begin: bytes) -> Answer:
    """Begins so, then sends a byte now and then, for ever."""

    async def dripping(connection: Connection) -> None:
        await connection.send(begin)
        while True:
            await connection.send(b"x")
            await asyncio.sleep(0.2)

    return dripping


def flood(content: bytes) -> Answer:
    """Answers with the same again and again, as fast as it is taken."""

    async def flooding(connection: Connection) -> None:
        while True:
            await connection.send(content * 1000)

    return flooding


class Receiver:
    """A server on a free port. `answer` may be set at any time; `received` only grows."""

    def __init__(self, answer: Answer = OK) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self.open = 0
        self.most_open = 0
        self.port = 0

    def url(self, path: str = "/hooks") -> str:
        """Where to send to."""
        return f"http://127.0.0.1:{self.port}{path}"

    def of_type(self, event_type: str) -> list[Received]:
        """What was received of events of the type."""
        return [it for it in list(self.received) if it.event["type"] == event_type]

    def subjects(self) -> list[str]:
        """Whom or what happened that was received."""
        return [it.event.get("subject", "") for it in list(self.received)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes one request, and answers as told."""
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                request = await _read(reader)
                self.received.append(request)
                await self.answer(Connection(request, writer))
        finally:
            self.open -= 1
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Received(first.split(" ")[1], headers, body)


@contextmanager
def receivers() -> Iterator[Callable[..., Receiver]]:
    """Makes receivers, all in one thread, for as long as the block runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    servers: list[asyncio.Server] = []

    def make(answer: Answer = OK, *, ssl: Any = None, host: str = "127.0.0.1") -> Receiver:
        receiver = Receiver(answer)
        starting = asyncio.start_server(receiver.serve, host, 0, ssl=ssl)
        server = asyncio.run_coroutine_threadsafe(starting, loop).result(10)
        servers.append(server)
        receiver.port = server.sockets[0].getsockname()[1]
        return receiver

    async def end() -> None:
        for server in servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        yield make
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
