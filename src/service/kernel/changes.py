"""What other processes must know of a commit: whom to refuse, and what to forget."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class ChangeKind(StrEnum):
    """What a change is about; its key says which one."""

    SESSION_REVOKED = "session.revoked"
    SUBJECT_REVOKED = "subject.revoked"
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - the name of a kind, not a secret
    # Nothing changed, but the answer is to have a revision.
    UNCHANGED = "unchanged"
    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    # The key is a subject whose state or memberships changed, or that is gone.
    STANDING = "standing"
    # The key is `{subject} {path}`: what the subject was granted on exactly that path.
    GRANTS = "grants"
    # The key is a role whose permissions changed.
    ROLE = "role"
    SIGNING_KEYS = "signing_keys"


REVOCATIONS = frozenset(
    {ChangeKind.SESSION_REVOKED, ChangeKind.SUBJECT_REVOKED, ChangeKind.TOKEN_REVOKED}
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `key` is a resource name or token id; revocations matter until `expire_time`.

    `position` is its place in the order of all commits, 0 until committed.
    """

    kind: ChangeKind
    key: str
    expire_time: datetime | None = None
    position: int = 0


class Follower(Protocol):
    """Something that remembers what the database said and must be told when that changes."""

    def apply(self, changes: Sequence[Change]) -> None:
        """Takes changes in their order; the same change may come twice."""

    def forget(self) -> None:
        """Drops everything: the database's history is not the one that was followed."""
