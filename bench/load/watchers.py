"""Watchers of events, in a process of their own: real channels, and many streams over each.

Run as `python -m bench.load.watchers TARGET TOKEN COUNT`; says so when all are watching. For each
line with a number of events it answers what each watcher got, and when, once all got so many.
"""

import asyncio
import gc
import json
import subprocess
import sys
from dataclasses import dataclass
from itertools import cycle
from time import time
from typing import NamedTuple, Self

import grpc
from gatehouse.events.v1 import event_service_pb2 as pb

from bench.gatehouse import Gatehouse
from bench.load.python_client import OWN_CONNECTION
from bench.machine import ALL_CORES, ROOT, pin
from bench.outcome import Refused

_METHOD = "/gatehouse.events.v1.EventService/WatchEvents"
_TYPE = "gatehouse.groups.created"
_WATCHERS_OF_A_CHANNEL = 50
_LATEST = 30.0


class Arrival(NamedTuple):
    """An event at a watcher; both are seconds since 1970 by the one clock of this machine."""

    subject: str
    recorded: float  # the event's own time, just before its transaction was committed
    arrived: float


@dataclass
class Watchers:
    """So many, who watch while the block runs; the process is on all cores."""

    server: Gatehouse
    count: int

    def __enter__(self) -> Self:
        arguments = [self.server.target, self.server.admin_token, str(self.count)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        pin(self._process.pid, ALL_CORES)
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def arrivals(self, events: int) -> list[Arrival]:
        """What they got since this was last asked. Raises Refused unless all got so many events."""
        assert self._process.stdin
        print(events, file=self._process.stdin)
        found = [[Arrival(*one) for one in each] for each in json.loads(self._read())]
        if any(len({one.subject for one in each}) != events for each in found):
            raise Refused(f"not every watcher was told each of {events} events")
        return [one for each in found for one in each]

    def _read(self) -> str:
        assert self._process.stdout
        if not (line := self._process.stdout.readline()):
            raise Refused("a watcher's stream ended")
        return line


async def _main(target: str, token: str, count: int) -> None:
    channels = [
        grpc.aio.insecure_channel(target, options=OWN_CONNECTION)
        for _ in range(-(-count // _WATCHERS_OF_A_CHANNEL))
    ]
    seen: list[list[Arrival]] = [[] for _ in range(count)]
    async with asyncio.TaskGroup() as streams:
        watching = []
        for channel, got in zip(cycle(channels), seen, strict=False):
            begun = asyncio.Event()
            streams.create_task(_watch(channel, token, got, begun))
            watching.append(begun.wait())
        await asyncio.gather(*watching)
        print("watching", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            deadline = time() + _LATEST
            while any(len(got) < int(line) for got in seen) and time() < deadline:
                await asyncio.sleep(0.05)
            print(json.dumps(seen), flush=True)
            for got in seen:
                got.clear()


async def _watch(
    channel: grpc.aio.Channel, token: str, got: list[Arrival], begun: asyncio.Event
) -> None:
    """Ends with the process, or with an error."""
    watch = channel.unary_stream(
        _METHOD,
        request_serializer=pb.WatchEventsRequest.SerializeToString,
        response_deserializer=pb.WatchEventsResponse.FromString,
    )
    request = pb.WatchEventsRequest(type_prefix=_TYPE)
    async for message in watch(request, metadata=(("authorization", f"Bearer {token}"),)):
        arrived = time()
        begun.set()
        if message.HasField("event"):
            recorded = message.event.time.ToNanoseconds() / 1e9
            got.append(Arrival(message.event.subject, recorded, arrived))


if __name__ == "__main__":
    gc.disable()  # its pauses would be taken for the server's
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
