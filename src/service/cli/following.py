"""A stream of events that is followed for as long as it takes, whatever cuts it off."""

import random
from collections.abc import Iterator
from time import sleep

import grpc
from gatehouse.events.v1 import event_service_pb2 as pb

from gatehouse_client import Refusal
from service.cli.client import Client

# Seconds until the next attempt: at random from half of it, doubled each time.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0

# What passes: a server that is away, leaves, has given us up for slow, or has too much to do.
_PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
# A token lives for minutes, and the next attempt has another.
_EXPIRED = "ERROR_REASON_TOKEN_EXPIRED"


def follow(client: Client, request: pb.WatchEventsRequest) -> Iterator[pb.WatchEventsResponse]:
    """What there is to tell, in its order, without a gap and without an end.

    `request.cursor` follows. Who reads is told by notes that it has begun, was cut off and goes on.
    Raises grpc.RpcError when it cannot begin, and later for what no further attempt would change.
    """
    begun = cut = False
    failures = 0
    while True:
        try:
            for message in client.events.WatchEvents(request):
                if not begun:
                    client.screen.note("Watching. Ctrl-C ends it.")
                elif cut:
                    client.screen.note("Going on; nothing was missed.")
                begun, cut, failures = True, False, 0
                request.cursor = message.cursor
                if message.HasField("event"):
                    yield message
        except grpc.RpcError as error:
            refusal = Refusal.of(error)
            expired = refusal.reason == _EXPIRED
            if not begun or not (expired or refusal.code in _PASSING):
                raise
            if not cut and not expired:
                cut = True
                client.screen.note(f"Cut off [{_why(refusal)}]: trying again.")
            sleep(_pause(failures))
            failures += 1


def _why(refusal: Refusal) -> str:
    reason = refusal.reason.removeprefix("ERROR_REASON_")
    return f"{refusal.code.name}, {reason}" if reason else refusal.code.name


def _pause(failures: int) -> float:
    longest = min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE)
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter
