"""Events between models and messages."""

from gatehouse.events.v1 import event_pb2
from gatehouse.events.v1 import event_service_pb2 as pb

from service.events.models import EventFilter, RecordedEvent
from service.kernel.call import Call
from service.transport.times import optional_time


def event(found: RecordedEvent, source: str) -> event_pb2.Event:
    """An event of the Gatehouse that `source` names, as clients see it."""
    message = event_pb2.Event(
        id=str(found.id),
        source=source,
        type=found.type,
        subject=found.subject,
        actor=found.actor,
        request_id=found.request_id,
        revision=found.revision,
        peer_address=found.peer_address,
    )
    message.time.FromDatetime(found.time)
    message.data.update(found.data)
    return message


def event_filter(request: pb.ListEventsRequest | pb.WatchEventsRequest, call: Call) -> EventFilter:
    """Which events a client means."""
    return EventFilter(
        type_prefix=request.type_prefix,
        subject=call.resolve(request.subject),
        actor=call.resolve(request.actor),
        start=optional_time(request, "start_time"),
        end=optional_time(request, "end_time"),
    )
