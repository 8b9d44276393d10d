"""Roles: named sets of permissions."""

from dataclasses import dataclass, field

ROOT = "/"


@dataclass(frozen=True, slots=True)
class Role:
    """A role. Permissions are `<type>.<verb>`, `<type>.*` or `*`."""

    name: str
    permissions: frozenset[str]
    _types: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        types = {p.removesuffix(".*") for p in self.permissions if p.endswith(".*")}
        object.__setattr__(self, "_types", frozenset(types))

    def allows(self, permission: str) -> bool:
        """Whether the role holds the permission."""
        return (
            permission in self.permissions
            or permission.partition(".")[0] in self._types
            or "*" in self.permissions
        )


OWNER = Role("roles/owner", frozenset({"*"}))
ADMIN = Role("roles/admin", frozenset({"users.*", "sessions.*", "tokens.*", "revocations.*"}))
AUDITOR = Role(
    "roles/auditor",
    frozenset({"users.read", "users.list", "sessions.read", "sessions.list", "tokens.introspect"}),
)
MEMBER = Role("roles/member", frozenset({"users.read"}))
BUILT_IN = {role.name: role for role in (OWNER, ADMIN, AUDITOR, MEMBER)}

# What everyone may do to their own `/users/{id}`, without a grant.
SELF = Role(
    "the user's own",
    frozenset(
        {"users.read", "users.update", "sessions.list", "sessions.read", "sessions.revoke"}
        | {"tokens.introspect"}
    ),
)
