"""The one clock: database time, so that replicas whose own clocks differ agree.

Nothing else in the service reads a clock for anything that is compared between processes.
"""

from datetime import UTC, datetime, timedelta
from time import time


class Clock:
    """Follows the database's time by the offset taken at each read of the change feed."""

    def __init__(self) -> None:
        self._offset = 0.0

    def follow(self, database_now: datetime, *, sent: float, received: float) -> None:
        """Takes the offset. `sent` and `received` are `time.time()` around the read.

        An offset that the read does not contradict is kept, so that time runs evenly.
        """
        now = database_now.timestamp()
        if not now - received <= self._offset <= now - sent:
            self._offset = now - (sent + received) / 2

    def timestamp(self) -> float:
        """Seconds since the epoch, in database time."""
        return time() + self._offset

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.fromtimestamp(time(), UTC) + timedelta(seconds=self._offset)
