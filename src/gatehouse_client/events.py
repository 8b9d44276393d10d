"""Events followed for as long as it takes, whatever cuts the stream off.

from gatehouse.events.v1 import event_service_pb2 as pb
from gatehouse.events.v1.event_service_pb2_grpc import EventServiceStub
from gatehouse_client.events import follow

wanted = pb.WatchEventsRequest(type_prefix="gatehouse.users.", cursor=kept)
for message in follow(EventServiceStub(channel), wanted):
    if message.HasField("event"):
        deal_with(message.event)
    keep(message.cursor)

The first message has no event, and about once a second another has none: their cursors go on, past
what was not asked for. It blocks until there is one; with asyncio, run it in a thread. An event may
come again after the program was started anew, with the same id, if its cursor was not kept.
"""

from collections.abc import Callable, Iterator
from time import sleep

import grpc
from gatehouse.events.v1 import event_service_pb2 as pb
from gatehouse.events.v1.event_service_pb2_grpc import EventServiceStub

from gatehouse_client.pauses import pause
from gatehouse_client.refusal import Refusal

# Seconds until the next attempt.
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


def follow(
    events: EventServiceStub,
    request: pb.WatchEventsRequest,
    *,
    on_cut: Callable[[Refusal], None] = lambda refusal: None,
    on_begun: Callable[[], None] = lambda: None,
) -> Iterator[pb.WatchEventsResponse]:
    """The messages of WatchEvents, in their order, without a gap and without an end.

    `on_begun` is called when it has begun, and again whenever it goes on after `on_cut`.
    Raises grpc.RpcError when it cannot begin, and later for what no further attempt would change,
    such as a database that was restored (FOREIGN_REVISION).
    """
    wanted = pb.WatchEventsRequest()
    wanted.CopyFrom(request)
    began, cut, failures = False, True, 0
    while True:
        try:
            for message in events.WatchEvents(wanted):
                if cut:
                    on_begun()
                began, cut, failures = True, False, 0
                wanted.cursor = message.cursor
                yield message
        except grpc.RpcError as error:
            refusal = Refusal.of(error)
            expired = refusal.reason == _EXPIRED
            if not began or not (expired or refusal.code in _PASSING):
                raise
            if not cut and not expired:
                cut = True
                on_cut(refusal)
            sleep(pause(_FIRST_PAUSE, _LONGEST_PAUSE, failures))
            failures += 1
