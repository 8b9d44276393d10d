"""When what was not taken is sent again: the schedule that Standard Webhooks suggests."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import uniform

# Between one try and the next; the first is made at once.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
TRIES = len(PAUSES) + 1
LONGEST = timedelta(days=1)
_JITTER = 0.1


def pause_after(attempts: int) -> timedelta | None:
    """How long to wait after so many tries, a tenth more or less; None after the last.

    Jitter keeps what failed together from coming back together.
    """
    if attempts >= TRIES:
        return None
    spread = uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads tries, hides nothing
    return PAUSES[attempts - 1] * spread


def asked_pause(retry_after: str, now: datetime) -> timedelta:
    """What a receiver asks for in Retry-After (RFC 9110, section 10.2.3): a day at most.

    Seconds or a date; nothing for what is neither, or is past.
    """
    if retry_after.isascii() and retry_after.isdigit():
        # Not a timedelta of what it says: that may be larger than any.
        return timedelta(seconds=min(int(retry_after[:18]), LONGEST.total_seconds()))
    try:
        date = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError, OverflowError):  # the last of numbers that no date has
        return timedelta(0)
    if date.tzinfo is None:  # how a date in -0000 is read
        date = date.replace(tzinfo=UTC)
    return min(max(date - now, timedelta(0)), LONGEST)
