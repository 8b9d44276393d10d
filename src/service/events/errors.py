"""What is wrong with a question about events."""

from service.kernel.errors import NotFound, OutOfRange
from service.kernel.reasons import ErrorReason


class EventNotFound(NotFound):
    """There never was such an event, or it is not kept any more."""

    reason = ErrorReason.EVENT_NOT_FOUND
    resource_type = "gatehouse.events.v1.Event"


class CursorExpired(OutOfRange):
    """Events after the cursor are not kept any more, so whoever resumes there would miss some."""

    reason = ErrorReason.CURSOR_EXPIRED

    def __init__(self) -> None:
        super().__init__(
            "The events after this cursor are not all kept any more; list what is, and start anew."
        )
