"""Who calls: what a handler is told of the token that came with the call."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a verified token stands for.

    `subject` is `users/{id}` or `serviceAccounts/{id}`, `session` is `sessions/{id}`, `scopes` are
    what the token may be used for. `actors` are those who act for the subject, newest first (RFC
    8693). `expire_time` is the token's, aware and in UTC; `token_id` is its `jti`.
    """

    subject: str
    session: str
    token_id: str
    scopes: frozenset[str]
    expire_time: datetime
    actors: tuple[str, ...] = ()

    def carries(self, scope: str) -> bool:
        """Whether the token may be used for `scope`, `<domain>:<verb>`; empty asks for nothing."""
        return not scope or scope in self.scopes or "*" in self.scopes


def current_caller() -> Caller:
    """The verified caller of the call that is being handled, sync or asyncio, unary or stream.

    A thread that a handler starts does not know it: hand it over, or start the thread with
    `contextvars.copy_context().run`. Raises LookupError in a method whose rule is `Public`.
    """
    return _caller.get()


# gRPC gives each call a context of its own, and asyncio each task: nothing needs to be set back.
_caller: ContextVar[Caller] = ContextVar("gatehouse_caller")


def remember(caller: Caller) -> None:
    """Makes it the current caller of this call."""
    _caller.set(caller)
