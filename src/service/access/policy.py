"""What a process remembers of the policy: small, bounded, and all of it true at one position.

Three maps: subject → the groups it is in; principal → its grants by path; role → what it allows.
An entry is loaded on demand with the position of its snapshot and with every change up to there,
which are applied before it is kept, so that the entries never mix two states of the database.
Readers look at `epoch` before and after, and start over when entries were dropped in between; they
take the lock only where that keeps happening (`undisturbed`).
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, Protocol, TypeVar

from service.access.models import Effect, Permissions, State
from service.access.policy_repository import PAGE, PolicyRepository
from service.kernel.changes import Change, ChangeKind
from service.kernel.errors import InvalidArgument, Unavailable
from service.storage.database import Database
from service.storage.feed import ChangeFeed

_MOST_SUBJECTS = 20_000
_MOST_GRANTS = 200_000
# Nothing is evicted sooner, so that one batch of checks finds all that was loaded for it; unless it
# is much more than there is room for.
_AT_LEAST = 2.0
_AT_MOST = 4
_MOST_PLACES = 40_000  # of 1 KiB they weigh a little less than there is ever room for
_MOST_RECENT = 10_000


@dataclass(frozen=True, slots=True)
class Standing:
    """A subject: whether it is allowed anything at all, and itself with the groups it is in."""

    active: bool
    principals: tuple[str, ...]
    loaded: float = field(default_factory=monotonic)
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Given:
    """One grant, as a decision needs it. `expires` is in seconds since the epoch, 0 for never."""

    deny: bool
    role: str
    expires: float


@dataclass(slots=True)
class Held:
    """The grants of one principal by path; of one with very many, only on the paths asked about."""

    on: dict[str, tuple[Given, ...]]
    complete: bool
    loaded: float = field(default_factory=monotonic)
    weight: int = 1

    def __post_init__(self) -> None:
        self.weight += sum(map(_weight, self.on))

    def keep(self, path: str, given: tuple[Given, ...]) -> None:
        """Keeps what was granted on one path."""
        if path not in self.on:
            self.weight += _weight(path)
        self.on[path] = given

    def drop(self, path: str) -> None:
        """Forgets what was granted on one path."""
        if self.on.pop(path, None) is not None:
            self.weight -= _weight(path)


@dataclass(slots=True)
class Missing:
    """What a decision did not find."""

    subjects: set[str] = field(default_factory=set)
    principals: set[str] = field(default_factory=set)
    places: set[tuple[str, str]] = field(default_factory=set)
    roles: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.subjects or self.principals or self.places or self.roles)


class _Touched:
    """What changes touched: subjects, what was granted to whom and on which path, and roles."""

    def __init__(self, changes: Iterable[Change]) -> None:
        by_kind: dict[ChangeKind, set[str]] = {}
        for change in changes:
            by_kind.setdefault(change.kind, set()).add(change.key)
        self.subjects = by_kind.get(ChangeKind.STANDING, set())
        self.places = by_kind.get(ChangeKind.GRANTS, set())
        self.holders = self.subjects | {place.partition(" ")[0] for place in self.places}
        self.roles = by_kind.get(ChangeKind.ROLE, set())


class _Entry(Protocol):
    @property
    def loaded(self) -> float: ...

    @property
    def weight(self) -> int: ...


E = TypeVar("E", bound=_Entry)


class Bounded(Generic[E]):
    """Entries by key, the oldest evicted when all together weigh more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._weights: dict[str, int] = {}
        self._weight = 0
        self.entries: dict[str, E] = {}

    def keep(self, key: str, entry: E) -> None:
        """Keeps an entry, or takes note that it weighs something else now."""
        self._weight += entry.weight - self._weights.pop(key, 0)
        self._weights[key] = entry.weight
        self.entries[key] = entry
        while self._weight > self._most:
            oldest = next(iter(self.entries))
            young = monotonic() - self.entries[oldest].loaded < _AT_LEAST
            if young and self._weight < _AT_MOST * self._most:
                return
            self.drop(oldest)

    def drop(self, key: str) -> None:
        """Drops an entry, if it is there."""
        if self.entries.pop(key, None) is not None:
            self._weight -= self._weights.pop(key)

    def clear(self) -> None:
        """Drops everything."""
        self.entries.clear()
        self._weights.clear()
        self._weight = 0


class Policy:
    """The maps, and their position. Safe to use from any thread."""

    def __init__(self, database: Database, feed: ChangeFeed) -> None:
        self._db = database
        self._feed = feed
        self.standings: Bounded[Standing] = Bounded(_MOST_SUBJECTS)
        self.held: Bounded[Held] = Bounded(_MOST_GRANTS)
        self.roles: dict[str, Permissions] = {}
        self.epoch = 0
        self.position = 0
        self.hits = 0
        self.misses = 0
        # What was dropped last, and since when that is all there was.
        self._recent: deque[Change] = deque(maxlen=_MOST_RECENT)
        self._recent_since = 0
        self._newest = 0
        self._history = 0
        self._lock = threading.Lock()
        feed.follow(self)
        feed.tell_in_order(self._advance)

    def load(self, missing: Missing) -> None:
        """Loads what is missing, from one snapshot.

        Raises Unavailable, and InvalidArgument for more paths of large subjects than there is room.
        """
        self.misses += 1
        if len(missing.places) > _MOST_PLACES:
            raise InvalidArgument.field(
                "checks",
                "ask about too many paths of subjects with very many grants: ask for fewer",
            )
        # Whose standing is asked for, their grants will be asked for next.
        principals = missing.principals | {
            one for one in missing.subjects if one not in self.held.entries
        }
        while True:
            history, after = self._history, self.position
            with self._db.reading() as connection:
                changes, found = PolicyRepository(connection).load(
                    after,
                    subjects=sorted(missing.subjects),
                    principals=sorted(principals),
                    places=sorted(missing.places),
                    roles=sorted(missing.roles),
                )
            self._require_forward(found.position, after)
            if len(changes) < PAGE:
                break
            self.catch_up()
        with self._lock:
            if history != self._history:
                return  # of a database that is not the one followed any more
            self._apply(changes, found.position)
            if found.position < self._recent_since:
                return  # overtaken by more than is known of
            # Others may have taken changes meanwhile that this snapshot does not have.
            overtaken = found.position < self._newest
            recent = self._recent if overtaken else ()
            newer = _Touched(one for one in recent if one.position > found.position)
            self._keep_standings(
                missing.subjects, found.states or {}, found.memberships or (), newer
            )
            self._keep_grants(
                principals, missing.places, found.large or (), found.grants or (), newer
            )
            self._keep_roles(missing.roles, found.permissions or (), newer)

    def catch_up(self) -> None:
        """Knows of every commit that was acknowledged before the call. Raises Unavailable."""
        while True:
            history, after = self._history, self.position
            with self._db.reading() as connection:
                changes, position = PolicyRepository(connection).newer(after)
            self._require_forward(position, after)
            whole = len(changes) < PAGE
            with self._lock:
                if history == self._history:
                    self._apply(changes, position if whole else changes[-1].position)
                    if whole:
                        return

    def undisturbed(self) -> AbstractContextManager[object]:
        """Nothing is dropped while the block runs, and whoever would drop something waits."""
        return self._lock

    def apply(self, changes: Sequence[Change]) -> None:
        """Drops what a commit of this process touched, before its turn in the order has come."""
        with self._lock:
            # What was kept since is of the position that it was kept at, or later.
            self._drop([one for one in changes if one.position > self.position])

    def forget(self) -> None:
        """Drops everything: the database is in another history."""
        with self._lock:
            self.epoch += 1
            self._history += 1
            self.position = 0
            self._recent.clear()
            self._newest = 0
            self.standings.clear()
            self.held.clear()
            self.roles.clear()
            self.epoch += 1

    def _advance(self, changes: Sequence[Change], position: int) -> None:
        with self._lock:
            self._apply(changes, position)

    def _apply(self, changes: Sequence[Change], position: int) -> None:
        """Takes all changes up to a position; the earlier of them may be known already."""
        if position > self.position:
            if self.position == 0:
                self._recent_since = position  # a history begins: not all of it is in `changes`
            self._drop([one for one in changes if one.position > self.position])
            # After the drop: who still read an old entry is not told that it is true here.
            self.position = position

    def _drop(self, changes: Sequence[Change]) -> None:
        touched = [one for one in changes if one.kind in _DROPS]
        if not touched:
            return
        self.epoch += 1  # who reads while entries go starts over, before
        for change in touched:
            _DROPS[change.kind](self, change.key)
            if len(self._recent) == _MOST_RECENT:
                self._recent_since = max(self._recent_since, self._recent[0].position)
            self._recent.append(change)
            self._newest = max(self._newest, change.position)
        self.epoch += 1  # and after

    def _drop_standing(self, subject: str) -> None:
        self.standings.drop(subject)
        self.held.drop(subject)
        if not subject.startswith("groups/"):
            return
        everybody = self.standings.entries.items()
        for who in [who for who, one in everybody if subject in one.principals]:
            self.standings.drop(who)

    def _drop_grants(self, key: str) -> None:
        subject, _, path = key.partition(" ")
        held = self.held.entries.get(subject)
        if held is not None and not held.complete:
            held.drop(path)
            self.held.keep(subject, held)
        else:
            self.held.drop(subject)

    def _drop_role(self, role: str) -> None:
        self.roles.pop(role, None)

    def _keep_standings(
        self,
        asked: Collection[str],
        states: Mapping[str, str],
        memberships: Sequence[Sequence[str]],
        newer: "_Touched",
    ) -> None:
        groups: dict[str, list[str]] = {}
        for member, group in memberships:
            groups.setdefault(member, []).append(group)
        for subject in asked:
            active = states.get(subject, State.SUSPENDED) != State.SUSPENDED
            principals = (subject, *sorted(set(groups.get(subject, ())) - {subject}))
            if newer.subjects.isdisjoint(principals):
                self.standings.keep(subject, Standing(active, principals))

    def _keep_grants(
        self,
        asked: AbstractSet[str],
        places: Collection[tuple[str, str]],
        large: Collection[str],
        grants: Sequence[Sequence[object]],
        newer: "_Touched",
    ) -> None:
        on: dict[str, dict[str, tuple[Given, ...]]] = {}
        for subject, path, role, effect, expires in grants:
            given = Given(effect == Effect.DENY, str(role), float(expires or 0))  # type: ignore[arg-type]
            by_path = on.setdefault(str(subject), {})
            by_path[str(path)] = (*by_path.get(str(path), ()), given)
        for subject in asked - newer.holders:
            if subject not in large:
                self.held.keep(subject, Held(on.get(subject, {}), complete=True))
            elif subject not in self.held.entries:
                self.held.keep(subject, Held({}, complete=False))
        for subject, path in places:
            held = self.held.entries.get(subject)
            touched = subject in newer.subjects or f"{subject} {path}" in newer.places
            if held is not None and not held.complete and not touched:
                held.keep(path, on.get(subject, {}).get(path, ()))
                self.held.keep(subject, held)

    def _keep_roles(
        self, asked: Collection[str], found: Sequence[Sequence[str]], newer: "_Touched"
    ) -> None:
        patterns: dict[str, set[str]] = {role: set() for role in asked}
        for role, pattern in found:
            patterns[role].add(pattern)
        for role, those in patterns.items():
            if role not in newer.roles:
                self.roles[role] = Permissions(those)

    def _require_forward(self, position: int, known: int) -> None:
        """A database that knows less than before is another one: a backup, or a replica behind."""
        if position < known:
            self._feed.read()
            raise Unavailable("The database went back in time; retry.")


def _weight(path: str) -> int:
    """How much room a path takes, with what is granted on it."""
    return 1 + len(path) // 64


_DROPS: dict[ChangeKind, Callable[[Policy, str], None]] = {
    ChangeKind.STANDING: Policy._drop_standing,  # noqa: SLF001 - its own
    ChangeKind.GRANTS: Policy._drop_grants,  # noqa: SLF001
    ChangeKind.ROLE: Policy._drop_role,  # noqa: SLF001
}
