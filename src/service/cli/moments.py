"""Times as people give them."""

import re
from datetime import UTC, datetime, timedelta

import typer
from google.protobuf.timestamp_pb2 import Timestamp

TAKES = "2h, 7d, 2026-12-31 or 2026-12-31T18:00"

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(given: str) -> Timestamp:
    """So long from now, or the day or time given, in this machine's zone unless it says another."""
    time = Timestamp()
    try:
        if found := re.fullmatch(r"(\d+)([mhdw])", given):
            at = datetime.now(UTC) + timedelta(**{_UNITS[found[2]]: int(found[1])})
        else:
            at = datetime.fromisoformat(given).astimezone(UTC)
        time.FromDatetime(at)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{given!r} is no time: say {TAKES}") from None
    return time
