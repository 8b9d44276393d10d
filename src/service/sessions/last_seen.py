"""When sessions were last seen: noted in memory on every call, kept in Redis every few seconds."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import redis
import structlog

from service.kernel.clock import Clock
from service.kernel.principal import Principal
from service.sessions.models import Session

_EVERY = 5.0
_KEY = "gatehouse:seen:"

log = structlog.get_logger("gatehouse.sessions")


class LastSeen:
    """Last-seen times. Without Redis they are lost, which costs nothing that must be right."""

    def __init__(self, client: redis.Redis, clock: Clock, *, keep: timedelta) -> None:
        self._client = client
        self._clock = clock
        self._keep = keep
        self._seen: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="last-seen", daemon=True)

    def start(self) -> None:
        """Starts keeping what is noted."""
        self._thread.start()

    def stop(self) -> None:
        """Keeps what is still to be kept, and ends."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def note(self, principal: Principal) -> None:
        """A token of the session was used now."""
        self._seen[principal.session] = self._clock.timestamp()

    def last_seen(self, sessions: Sequence[Session]) -> list[datetime]:
        """When each session was last seen, as far as is known."""
        kept: list[object] = [None] * len(sessions)
        if sessions:
            try:
                kept = list(self._client.mget([_KEY + session.name for session in sessions]))
            except redis.RedisError as error:
                log.debug("last-seen times not read", why=str(error))
        return [
            max(
                session.refresh_time,
                _time(float(value)) if isinstance(value, bytes) else session.refresh_time,
                _time(self._seen.get(session.name, 0.0)),
            )
            for session, value in zip(sessions, kept, strict=True)
        ]

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        seen, self._seen = self._seen, {}
        if not seen:
            return
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for session, time in seen.items():
                    pipeline.set(_KEY + session, f"{time:.3f}", ex=self._keep)
                pipeline.execute()
        except redis.RedisError as error:
            log.debug("last-seen times not kept", why=str(error))


def _time(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
