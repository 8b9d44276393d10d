"""What a caller holds on some paths and below them, as their own transaction sees it."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from service.access.errors import NotHeld
from service.access.holdings_repository import HoldingsRepository
from service.access.models import EVERYTHING, ROOT, Effect, Holding, Permissions, own
from service.kernel import paths
from service.storage.database import Tx

# For what must be held now and no longer.
JUST_NOW = datetime.min.replace(tzinfo=UTC)
_FOREVER = datetime.max.replace(tzinfo=UTC)
_MOST = 5000


class Holdings:
    """Living grants to the caller, by path. Raises NotHeld when there are too many to look at."""

    def __init__(self, tx: Tx, wanted: Iterable[str]) -> None:
        """On `wanted`, above, and, of what is denied, below."""
        subject = tx.call.principal.subject
        on = set(wanted)
        above = {one for path in on for one in paths.ancestors(path)}
        found = HoldingsRepository(tx.connection).applying(
            subject, sorted(on), sorted(above), limit=_MOST + 1
        )
        cut = len(found) > _MOST
        found += [Holding(one.path(subject), Effect.ALLOW, one.permissions) for one in own(subject)]
        self._found = found
        self._allowed = _allowed(found)
        self._denied, self._denied_below = _denied(found)
        self.owns_everything = any(
            permissions.allows(EVERYTHING)
            for until, permissions in self._allowed.get(ROOT, ())
            if until == _FOREVER
        )
        # What is denied below does not bind owners, so that nobody can tie their hands with it.
        if cut and not self.owns_everything:
            raise NotHeld.what(EVERYTHING, ROOT, "you have more grants there than can be looked at")

    def put_in_charge(self, path: str, by: str, *, since: datetime | None) -> bool:
        """Whether a grant on exactly this path, made since then and without an end, allows `by`."""
        return since is not None and any(
            one.path == path
            and one.effect is Effect.ALLOW
            and one.expire_time is None
            and one.create_time is not None
            and one.create_time >= since
            and one.permissions.allows(by)
            for one in self._found
        )

    def require_rights(self, right: Holding, of: str) -> None:
        """What was granted to somebody else is held. Raises NotHeld.

        What and where is told only to who may list grants there.
        """
        try:
            self.require(right.permissions.patterns, right.path, right.expire_time, because_of=of)
        except NotHeld:
            try:
                self.require(["grants.list"], right.path, JUST_NOW)
            except NotHeld:
                raise NotHeld.of(of) from None
            raise

    def require(
        self, patterns: Collection[str], path: str, until: datetime | None, *, because_of: str = ""
    ) -> None:
        """The patterns are held on the path and below, until then at least. Raises NotHeld."""
        which = f", which {because_of} was granted" if because_of else ""
        allowing = self._allowing(path)
        above = paths.ancestors(path)
        denying = {place: self._denied[place] for place in above if place in self._denied}
        denying |= {place: self._denied[place] for place in self._denied_below.get(path, ())}
        if self.owns_everything:
            # They could take the DENY back, so it does not keep them from mending things.
            denying = {}
        for pattern in sorted(patterns):
            for place, denied in denying.items():
                if denied.overlaps(pattern):
                    raise NotHeld.what(pattern, path, f"it is denied you on {place}{which}")
            end = max((end for end, held in allowing if held.allows(pattern)), default=None)
            if end is None:
                raise NotHeld.what(pattern, path, f"you do not hold it yourself{which}")
            if end < (until or _FOREVER):
                raise NotHeld.what(
                    pattern, path, f"you hold it only until {end:%Y-%m-%dT%H:%M:%SZ}"
                )

    def _allowing(self, path: str) -> list[tuple[datetime, Permissions]]:
        """What is held there and until when, denied or not."""
        return [one for place in paths.ancestors(path) for one in self._allowed.get(place, ())]


def _allowed(found: Iterable[Holding]) -> dict[str, list[tuple[datetime, Permissions]]]:
    """By path and end, all permissions together."""
    patterns: dict[str, dict[datetime, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in found:
        if one.effect is Effect.ALLOW:
            patterns[one.path][one.expire_time or _FOREVER] |= one.permissions.patterns
    return {
        path: [(end, Permissions(those)) for end, those in ends.items()]
        for path, ends in patterns.items()
    }


def _denied(found: Iterable[Holding]) -> tuple[dict[str, Permissions], dict[str, set[str]]]:
    """By path all permissions together; and for each path above, on which paths below it."""
    patterns: dict[str, set[str]] = defaultdict(set)
    below: dict[str, set[str]] = defaultdict(set)
    for one in found:
        if one.effect is Effect.DENY:
            patterns[one.path] |= one.permissions.patterns
            for above in paths.ancestors(one.path):
                below[above].add(one.path)
    return {path: Permissions(those) for path, those in patterns.items()}, below
