"""Times as people give and read them."""

import re
from datetime import UTC, datetime, timedelta
from time import time as now
from typing import Annotated

import typer
from gatehouse.access.v1.grant_pb2 import Grant
from gatehouse.serviceaccounts.v1.api_key_pb2 import ApiKey
from google.protobuf.timestamp_pb2 import Timestamp

from service.cli.screen import when

TAKES = "2h, 7d, 2026-12-31 or 2026-12-31T18:00"
PAST_TAKES = TAKES.replace("2h", "2h (ago)")

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(given: str) -> Timestamp:
    """So long from now, or the day or time given, in this machine's zone unless it says another."""
    return _moment(given, 1, TAKES)


def past(given: str) -> Timestamp:
    """So long ago, or the day or time given."""
    return _moment(given, -1, PAST_TAKES)


def _moment(given: str, direction: int, takes: str) -> Timestamp:
    time = Timestamp()
    try:
        if found := re.fullmatch(r"(\d+)([mhdw])", given):
            distance = timedelta(**{_UNITS[found[2]]: int(found[1])})
            at = datetime.now(UTC) + direction * distance
        else:
            at = datetime.fromisoformat(given).astimezone(UTC)
        time.FromDatetime(at)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{given!r} is no time: say {takes}") from None
    return time


# By which option a command takes the end of a grant.
Ends = Annotated[
    Timestamp | None,
    typer.Option(
        parser=moment,
        metavar="TIME",
        show_default=False,
        help=f"When it ends: {TAKES}. Default: never.",
    ),
]


def end(of: Grant | ApiKey) -> str:
    """When it stops counting."""
    return when(of.expire_time) if of.HasField("expire_time") else "never"


def ended(of: Grant | ApiKey) -> bool:
    """Whether it has, by this machine's clock."""
    return of.HasField("expire_time") and of.expire_time.seconds <= now()
