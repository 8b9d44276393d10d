"""Whom a call speaks for."""

from dataclasses import dataclass
from datetime import datetime


def covers(scopes: frozenset[str], scope: str) -> bool:
    """Whether a token for `scopes` may be used for `scope`, `<domain>:<verb>`."""
    return scope in scopes or "*" in scopes


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller with a verified token. Times are aware and in UTC.

    `actors` is the chain of those acting for the subject, newest first (RFC 8693, `act`).
    """

    subject: str
    session: str
    token_id: str
    scopes: frozenset[str]
    issue_time: datetime
    expire_time: datetime
    actors: tuple[str, ...] = ()

    def carries(self, scope: str) -> bool:
        """Whether the token may be used for `scope`, `<domain>:<verb>`; empty asks for nothing."""
        return not scope or covers(self.scopes, scope)
