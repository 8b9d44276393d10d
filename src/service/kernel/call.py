"""One call as the use cases see it: who asks, and how to answer it when it is repeated."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Generic, TypeVar

from service.kernel.principal import Principal

T = TypeVar("T")


@dataclass(slots=True)
class Committed(Generic[T]):
    """The result of a committed use case; decisions at `revision` or later know of it."""

    value: T
    revision: str


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What tells one retried mutation from another (AIP-155). `digest` covers method and body."""

    subject: str
    request_id: str
    digest: bytes = field(repr=False)

    def over(self, content: bytes) -> "RequestKey":
        """The same for a request whose body goes on with a stream, of which this is the digest."""
        return replace(self, digest=sha256(self.digest + content).digest())


class Replay(Exception):
    """The request was answered before; `answer` is that answer's bytes. The pipeline sends it."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("answered before")
        self.answer = answer


@dataclass(slots=True)
class Call:
    """What the pipeline knows of a call.

    `pack` turns the use case's result into the answer's bytes. The transaction calls it, because
    the answer to a request with a `RequestKey` is kept in the transaction of its effect.
    """

    request_id: str
    peer: str = ""
    method: str = ""
    caller: Principal | None = None
    key: RequestKey | None = None
    pack: Callable[[Committed[Any]], bytes] | None = field(default=None, repr=False)

    @property
    def principal(self) -> Principal:
        """The caller; only for methods whose rule asks for a token."""
        if self.caller is None:
            raise LookupError(f"{self.method} is public, it has no principal")
        return self.caller

    @property
    def actor(self) -> str:
        """Who the audit trail names: the subject, or nobody yet."""
        return self.caller.subject if self.caller else ""

    def resolve(self, name: str) -> str:
        """The resource name meant: `users/me` is the caller, `files/users/me` their folder."""
        if name == "users/me":
            return self.principal.subject
        if name == "files/users/me" or name.startswith("files/users/me/"):
            return name.replace("users/me", self.principal.subject, 1)
        return name

    def subject(self, name: str) -> str:
        """Whom a question is about: the caller, unless it names somebody."""
        return self.resolve(name or "users/me")

    @classmethod
    def internal(cls, reason: str) -> "Call":
        """A call that the service makes to itself, such as `bootstrap` or `housekeeping`."""
        return cls(request_id=reason, method=reason)
