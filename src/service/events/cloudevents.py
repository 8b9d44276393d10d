"""An event as it leaves Gatehouse: a CloudEvent 1.0 in its JSON format.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from datetime import UTC

from service.events.models import RecordedEvent


def document(event: RecordedEvent, *, source: str) -> dict[str, object]:
    """The event of the Gatehouse that `source` names. Where it came from is not in it."""
    attributes = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "actor": event.actor,
        "requestid": event.request_id,
        "revision": event.revision,
    }
    # An attribute without a value must not be there.
    present = {name: value for name, value in attributes.items() if value}
    return present | {"data": event.data}
