"""Roles: which permissions they hold."""

import pytest

from service.access.models import ADMIN, AUDITOR, BUILT_IN, MEMBER, OWNER, SELF, Role


@pytest.mark.parametrize(
    ("held", "asked", "allowed"),
    [
        ("users.read", "users.read", True),
        ("users.read", "users.write", False),
        ("users.*", "users.read", True),
        ("users.*", "usersx.read", False),
        ("users.*", "users", True),
        ("*", "anything.at_all", True),
        ("users.read", "users.rea", False),
    ],
)
def test_a_role_holds_what_it_names(held: str, asked: str, allowed: bool) -> None:
    assert Role("roles/x", frozenset({held})).allows(asked) is allowed


def test_there_are_four_built_in_roles() -> None:
    assert set(BUILT_IN) == {"roles/owner", "roles/admin", "roles/auditor", "roles/member"}


@pytest.mark.parametrize("permission", ["users.create", "users.update", "sessions.revoke", "x.y"])
def test_an_auditor_changes_nothing(permission: str) -> None:
    assert not AUDITOR.allows(permission)


def test_whoever_may_list_is_no_mere_member() -> None:
    assert not MEMBER.allows("users.list")
    assert AUDITOR.allows("users.list")
    assert ADMIN.allows("users.list")


def test_nobody_manages_suspends_or_deletes_themselves() -> None:
    for permission in ("users.manage", "users.suspend", "users.delete", "users.create"):
        assert not SELF.allows(permission)


def test_only_an_owner_may_everything() -> None:
    assert [it.name for it in BUILT_IN.values() if it.allows("unheard.of")] == [OWNER.name]
