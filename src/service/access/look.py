"""One look at what is remembered: the rule of decisions, and what was missing to apply it."""

from collections.abc import Iterator

from service.access.models import EVERYONE, Check, own
from service.access.policy import Given, Held, Missing, Policy
from service.kernel import paths


class Look:
    """Decides from memory alone; when `missing` is not empty afterwards, its answers are nothing.

    What questions have in common is looked up once: many in a batch are about one subject or path.
    """

    def __init__(self, policy: Policy, now: float) -> None:
        self._policy = policy
        self._now = now
        self._held_by: dict[str, list[tuple[str, Held]]] = {}
        self._above: dict[str, dict[str, None]] = {}
        self.missing = Missing()

    def allows(self, check: Check) -> bool:
        """Whether a living ALLOW applies and no living DENY does."""
        held = self._held(check.subject)
        if not held:
            return False
        above = self._ancestors(check.path)
        allowed = False
        for one in own(check.subject):
            if one.path(check.subject) in above and one.permissions.allows(check.permission):
                if not one.deniable:
                    return True
                allowed = True
        roles = self._policy.roles
        for grant in self._bearing(held, above):
            role = roles.get(grant.role)
            if role is None:
                self.missing.roles.add(grant.role)
            elif role.allows(check.permission) and not 0 < grant.expires <= self._now:
                if grant.deny:
                    return False
                allowed = True
        return allowed

    def roles_on(self, subject: str, path: str) -> Iterator[str]:
        """The roles given on exactly this path."""
        for principal, held in self._held(subject):
            if path not in held.on and not held.complete:
                self.missing.places.add((principal, path))
            for grant in held.on.get(path, ()):
                if not grant.deny and not 0 < grant.expires <= self._now:
                    yield grant.role

    def _held(self, subject: str) -> list[tuple[str, Held]]:
        """What the subject holds itself, through its groups, and as everyone.

        Only the subject's own may be empty; nothing at all for who is allowed nothing.
        """
        found = self._held_by.get(subject)
        if found is None:
            found = self._held_by[subject] = self._find_held(subject)
        return found

    def _find_held(self, subject: str) -> list[tuple[str, Held]]:
        standings = self._policy.standings.entries
        standing, everyone = standings.get(subject), standings.get(EVERYONE)
        if standing is None:
            self.missing.subjects.add(subject)
        if everyone is None:
            self.missing.subjects.add(EVERYONE)
        if standing is None or everyone is None or not standing.active:
            return []
        entries = self._policy.held.entries
        found = []
        for principal in standing.principals + everyone.principals:
            held = entries.get(principal)
            if held is None:
                self.missing.principals.add(principal)
            elif held.on or not held.complete or principal == subject:
                found.append((principal, held))
        return found

    def _bearing(self, all_held: list[tuple[str, Held]], above: dict[str, None]) -> list[Given]:
        """The grants on the path and above it, whatever they are of."""
        bearing: list[Given] = []
        for principal, held in all_held:
            if held.complete:
                # Whichever are fewer: somebody in hundreds of groups has few paths from each.
                fewer, more = (held.on, above) if len(held.on) < len(above) else (above, held.on)
                for path in fewer:
                    if path in more:
                        bearing += held.on[path]
            else:
                for path in above:
                    given = held.on.get(path)
                    if given is None:
                        self.missing.places.add((principal, path))
                    else:
                        bearing += given
        return bearing

    def _ancestors(self, path: str) -> dict[str, None]:
        """The path and those above it, nearest first."""
        found = self._above.get(path)
        if found is None:
            found = self._above[path] = dict.fromkeys(paths.ancestors(path))
        return found
