"""A session, and what happens to one."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service.kernel import names
from service.kernel.events import Event


@dataclass(slots=True)
class Session:
    """A signed-in stretch of time. Times are database time, in UTC.

    `expire_time` moves with each refresh, never beyond `end_time`. No access token of the session
    is good after `token_expire_time`, whatever the setting was when it was made. `generation`
    counts the refreshes; the refresh token of each generation is derived from `refresh_key`.
    """

    id: UUID
    subject: str
    device: str
    peer_address: str
    scopes: frozenset[str]
    create_time: datetime
    expire_time: datetime
    end_time: datetime
    token_expire_time: datetime
    refresh_time: datetime
    refresh_key: bytes = field(repr=False)
    generation: int = 0
    revoke_time: datetime | None = None
    last_seen_time: datetime | None = None

    @property
    def name(self) -> str:
        """`sessions/{id}`."""
        return names.session(self.id)

    def lives(self, now: datetime) -> bool:
        """Whether the session is neither ended nor left idle too long."""
        return self.revoke_time is None and now < self.expire_time

    def carries(self, until: datetime, now: datetime) -> bool:
        """Whether the session lives, and a token of it may be good until then."""
        return self.lives(now) and until <= self.token_expire_time


@dataclass(frozen=True, slots=True)
class Opened:
    """A session with the refresh token that its holder has from now on."""

    session: Session
    refresh_token: str = field(repr=False)


class SessionRevokedEvent(Event):
    """A session, `data.session`, was ended before its time."""

    type = "gatehouse.sessions.revoked"


class SessionRefreshed(Event):
    """A session, `data.session`, got its next tokens; recorded where a setting asks."""

    type = "gatehouse.sessions.refreshed"


class RefreshTheft(Event):
    """A used refresh token came back too late; the session, `data.session`, was ended."""

    type = "gatehouse.sessions.refresh_token_reused"
