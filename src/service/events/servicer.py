"""gatehouse.events.v1.EventService."""

from collections.abc import Callable
from functools import lru_cache

from gatehouse.events.v1 import event_service_pb2 as pb
from gatehouse.events.v1 import event_service_pb2_grpc as rpc

from service.events import convert
from service.events.models import RecordedEvent
from service.events.service import EventService
from service.events.stream import EventStream
from service.kernel.call import Call
from service.transport.answers import Encoded
from service.transport.paging import page_request
from service.transport.watching import Outbox, watches

_ENCODED = 1000


class EventServicer(rpc.EventServiceServicer):
    """Unpacks, asks the service, packs. `source` is what events name as where they happened."""

    def __init__(self, events: EventService, stream: EventStream, *, source: str) -> None:
        self._events = events
        self._stream = stream
        self._source = source
        # What is told to a thousand watchers is packed once.
        self._news = lru_cache(_ENCODED)(self._pack)

    def ListEvents(self, request: pb.ListEventsRequest, call: Call) -> pb.ListEventsResponse:
        which = convert.event_filter(request, call)
        page = self._events.list(which, page_request(request, which.subject, which.actor))
        return pb.ListEventsResponse(
            events=[convert.event(one, self._source) for one in page.items],
            next_page_token=page.next_page_token,
        )

    @watches
    def WatchEvents(self, request: pb.WatchEventsRequest, call: Call, outbox: Outbox) -> None:
        watcher = _EventWatcher(outbox, self._news)
        stop = self._stream.watch(watcher, convert.event_filter(request, call), request.cursor)
        outbox.on_end(lambda code: stop())

    def _pack(self, event: RecordedEvent) -> Encoded:
        news = pb.WatchEventsResponse(
            event=convert.event(event, self._source), cursor=event.revision
        )
        return Encoded(news.SerializeToString())


class _EventWatcher:
    """A client's stream as the service knows it."""

    def __init__(self, outbox: Outbox, news: Callable[[RecordedEvent], Encoded]) -> None:
        self._outbox = outbox
        self._news = news
        self.give_up = outbox.give_up
        self.end = outbox.end

    @property
    def waiting(self) -> int:
        return self._outbox.waiting

    def tell(self, event: RecordedEvent) -> None:
        self._outbox.put(self._news(event))

    def reassure(self, cursor: str) -> None:
        self._outbox.put(pb.WatchEventsResponse(cursor=cursor))
