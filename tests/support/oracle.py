"""What access means, in twenty naive lines: the judge of every decision, list and explanation."""

from dataclasses import dataclass, field, replace

# Whom, where, which role, ALLOW or DENY, and when it ends.
Grant = tuple[str, str, str, str, float | None]
THEMSELVES = {
    *("users.read", "users.update", "serviceaccounts.read", "memberships.list"),
    *("sessions.list", "sessions.read", "sessions.revoke", "tokens.introspect"),
}


@dataclass
class Oracle:
    """A world, and what is so in it. Members are pairs of a group and who is in it."""

    active: set[str] = field(default_factory=lambda: {"everyone"})
    members: set[tuple[str, str]] = field(default_factory=set)
    roles: dict[str, set[str]] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    now: float = 0.0

    def allows(self, subject: str, permission: str, path: str) -> bool:
        """Active, something living allows it, and nothing living denies it; but for one's own."""
        if subject not in self.active:
            return False
        effects = self.effects(subject, permission, path)
        if subject.startswith("users/") and covers(f"/files/{subject}", path):
            effects |= {"ALLOW"} if matches("files.*", permission) else set()
        return owns(subject, permission, path) or effects == {"ALLOW"}

    def effects(self, subject: str, permission: str, path: str) -> set[str]:
        """The effects of all living grants that apply."""
        principals = {subject, "everyone"} | self.above({subject, "everyone"})
        return {
            effect
            for who, on, role, effect, end in self.grants
            if who in principals and covers(on, path) and (end is None or end > self.now)
            if any(matches(pattern, permission) for pattern in self.roles[role])
        }

    def above(self, names: set[str]) -> set[str]:
        """Every group that one of them is in."""
        found = {group for group, member in self.members if member in names}
        return found if found <= names else found | self.above(names | found)

    def is_owned(self) -> bool:
        """Whether an active user holds everything on `/` for good, free to mend things."""
        lasting = [it for it in self.grants if it[3] == "DENY" or it[4] is None]
        world, needed = replace(self, grants=lasting), ("a.b", "grants.create", "grants.delete")
        users = [it for it in self.active if it.startswith("users/")]
        return any(all(world.effects(it, p, "/") == {"ALLOW"} for p in needed) for it in users)

    def is_cyclic(self) -> bool:
        """Whether a group is in itself."""
        return any(group in self.above({group}) for group, _ in self.members)


def covers(upper: str, path: str) -> bool:
    """Whether `path` is `upper` or below it."""
    return path == upper or path.startswith(upper.rstrip("/") + "/")


def matches(pattern: str, permission: str) -> bool:
    """Whether a role's pattern covers a permission."""
    return pattern in {"*", permission, permission.split(".", maxsplit=1)[0] + ".*"}


def owns(subject: str, permission: str, path: str) -> bool:
    """Whether it is something that one always may do with oneself."""
    caller = subject.startswith(("users/", "serviceAccounts/"))
    return caller and permission in THEMSELVES and covers(f"/{subject}", path)
