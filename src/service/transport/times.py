"""Times in messages."""

from datetime import UTC, datetime

from google.protobuf.message import Message

from service.kernel.errors import InvalidArgument


def optional_time(request: Message, field: str) -> datetime | None:
    """The time that a field holds, if it is set. Raises InvalidArgument."""
    if not request.HasField(field):
        return None
    try:
        time: datetime = getattr(request, field).ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument.field(field, "must be a time from the year 1 to 9999") from None
    return time
