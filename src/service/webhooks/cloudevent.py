"""An event as it goes out: a CloudEvent 1.0 in its JSON format.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import json
from datetime import UTC

from service.events.models import RecordedEvent

# Not application/cloudevents+json: receivers check the signature over the body as it came, and what
# they use to get at that, such as express.raw, looks for this type and leaves out any other.
CONTENT_TYPE = "application/json"


def body(event: RecordedEvent, *, source: str) -> bytes:
    """The document; the same to the byte at every try. The caller's address is nobody else's."""
    document = {
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
    present: dict[str, object] = {name: value for name, value in document.items() if value}
    packed = json.dumps(present | {"data": event.data}, ensure_ascii=False, separators=(",", ":"))
    return packed.encode()
