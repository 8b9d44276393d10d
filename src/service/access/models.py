"""What decisions are made of: permissions, grants, and the subjects they are given to."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.kernel import names
from service.kernel.events import Event

ROOT = "/"
EVERYONE = "everyone"
OWNER = "roles/owner"
EVERYTHING = "*"


class State(StrEnum):
    """Whether a subject is allowed anything: SUSPENDED is not, PENDING has yet to sign in."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    PENDING = "PENDING"


_ABLE = {State.ACTIVE, State.PENDING}


class Effect(StrEnum):
    """Whether a grant gives or takes away."""

    ALLOW = "ALLOW"
    DENY = "DENY"


class Permissions:
    """What a role allows: `<type>.<verb>`, `<type>.*` or `*`."""

    __slots__ = ("_all", "_types", "patterns")

    def __init__(self, patterns: Collection[str]) -> None:
        self.patterns = frozenset(patterns)
        self._all = EVERYTHING in self.patterns
        self._types = {one.removesuffix(".*") for one in self.patterns if one.endswith(".*")}

    def allows(self, permission: str) -> bool:
        """Whether they cover the permission, or all that a pattern stands for."""
        return (
            self._all
            or permission in self.patterns
            or (bool(self._types) and permission.partition(".")[0] in self._types)
        )

    def overlaps(self, pattern: str) -> bool:
        """Whether any permission is covered by both these and the pattern."""
        if pattern == EVERYTHING:
            return bool(self.patterns)
        if self.allows(pattern):
            return True
        kind, _, verb = pattern.partition(".")
        return verb == "*" and any(one.partition(".")[0] == kind for one in self.patterns)


def covering(permission: str) -> list[str]:
    """The patterns that cover a permission, narrowest first."""
    return [permission, f"{permission.partition('.')[0]}.*", EVERYTHING]


@dataclass(frozen=True, slots=True)
class Grant:
    """A role given to a subject on a path and all below it. Times are database time, in UTC."""

    id: UUID
    path: str
    role: str
    subject: str
    effect: Effect
    expire_time: datetime | None
    create_time: datetime
    creator: str

    @property
    def name(self) -> str:
        """`grants/{id}`."""
        return names.grant(self.id)

    @property
    def event_data(self) -> dict[str, object]:
        """What events say of it."""
        return {
            "grant": self.name,
            "path": self.path,
            "role": self.role,
            "effect": self.effect,
            "expire_time": self.expire_time.isoformat() if self.expire_time else None,
        }


@dataclass(frozen=True, slots=True)
class NewGrant:
    """What a caller asks to be granted."""

    path: str
    role: str
    subject: str
    effect: Effect
    expire_time: datetime | None


@dataclass(frozen=True, slots=True)
class GrantFilter:
    """Which grants to list; empty means any. `inherited`: those from above, and of groups, too."""

    path: str = ""
    subject: str = ""
    role: str = ""
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One question: may the subject do this, there?"""

    subject: str
    permission: str
    path: str


@dataclass(frozen=True, slots=True)
class Own:
    """What a subject may do with its own, without a grant."""

    permissions: Permissions
    collection: str
    # Whether a DENY takes it away.
    deniable: bool

    def path(self, subject: str) -> str:
        """The subject's own, in the collection."""
        return f"{self.collection}{subject}"


_THEMSELVES = Own(
    Permissions(
        {"users.read", "users.update", "serviceaccounts.read", "memberships.list"}
        | {"sessions.list", "sessions.read", "sessions.revoke", "tokens.introspect"}
    ),
    "/",
    deniable=False,
)
_THEIR_FILES = Own(Permissions({"files.*"}), "/files/", deniable=True)


def own(subject: str) -> Iterator[Own]:
    """What is the subject's own: of users and service accounts themselves, of users their files."""
    kind = subject.partition("/")[0]
    if kind in {"users", "serviceAccounts"}:
        yield _THEMSELVES
    if kind == "users":
        yield _THEIR_FILES


@dataclass(frozen=True, slots=True)
class Reached:
    """A path that a subject reaches, or one below where it is denied again."""

    path: str
    denied: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A subject that holds a permission, or one that is denied what others around it hold."""

    subject: str
    denied: bool


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh a decision has to be: as `revision` (empty: any), or as all acknowledged writes."""

    revision: str = ""
    full: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A grant that applies, and the pattern of its role that covers the question.

    `chain` is how it comes to the subject: the groups from `member`, which is the subject itself or
    everyone, up to the one it was given to. `grant` is None for what is the subject's own.
    """

    path: str
    subject: str
    effect: Effect
    pattern: str
    grant: Grant | None = None
    member: str = ""
    chain: tuple[str, ...] = ()

    @property
    def through_everyone(self) -> bool:
        """Whether it comes by a group that everyone was put into."""
        return self.member == EVERYONE and bool(self.chain)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why. `suggested_role` is the narrowest that would allow it, empty when there is none.

    `steps` are those that allow it, whether or not `denied_by` takes it away again.
    """

    check: Check
    state: State | None
    allowed: bool
    steps: list[Step]
    denied_by: Step | None
    suggested_role: str

    @property
    def a_grant_would_help(self) -> bool:
        """Whether what is missing is a grant."""
        return not self.allowed and self.denied_by is None and self.state in _ABLE


@dataclass(frozen=True, slots=True)
class Holding:
    """A living grant with what its role allows."""

    path: str
    effect: Effect
    permissions: Permissions
    expire_time: datetime | None = None
    create_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """What bears on one question: the subject's state (None: unknown), which groups each of it and
    its groups is in, the grants that apply, nearest first, and the role that allows least besides.
    """

    state: State | None
    groups: Mapping[str, Sequence[str]]
    steps: Sequence[Step]
    narrowest_role: str


class GrantCreated(Event):
    """A role was granted to a subject; `data` has grant, path, role, effect and expire_time."""

    type = "gatehouse.grants.created"


class GrantDeleted(Event):
    """A grant was taken back, or went with its subject or place; `data` as when it was made."""

    type = "gatehouse.grants.deleted"


class MemberAdded(Event):
    """A subject was put into a group; `data.member` names it."""

    type = "gatehouse.groups.member_added"


class MemberRemoved(Event):
    """A subject was taken out of a group, or one of both is gone; `data.member` names it."""

    type = "gatehouse.groups.member_removed"
