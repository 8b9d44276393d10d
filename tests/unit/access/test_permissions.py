"""Permissions: what a role's patterns allow, and where two of them meet."""

import pytest

from service.access.models import Permissions, covering, own


@pytest.mark.parametrize(
    ("held", "asked", "allowed"),
    [
        ("users.read", "users.read", True),
        ("users.read", "users.write", False),
        ("users.*", "users.read", True),
        ("users.*", "usersx.read", False),
        ("users.*", "users.*", True),
        ("users.read", "users.*", False),
        ("users.*", "*", False),
        ("*", "anything.at_all", True),
        ("*", "*", True),
        ("users.read", "users.rea", False),
    ],
)
def test_a_role_allows_what_its_patterns_cover(held: str, asked: str, allowed: bool) -> None:
    assert Permissions({held}).allows(asked) is allowed
    assert (held in covering(asked)) is allowed or asked.endswith("*")


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("users.read", "users.*", True),
        ("users.*", "users.read", True),
        ("users.read", "*", True),
        ("*", "users.read", True),
        ("users.read", "users.list", False),
        ("users.*", "groups.*", False),
        ("usersx.read", "users.*", False),
    ],
)
def test_patterns_overlap_where_a_permission_is_in_both(one: str, other: str, meet: bool) -> None:
    assert Permissions({one}).overlaps(other) is meet


def test_a_role_without_permissions_meets_nothing() -> None:
    assert not Permissions(set()).overlaps("*")
    assert not Permissions(set()).allows("users.read")


def test_nobody_manages_suspends_or_deletes_themselves() -> None:
    for one in own("users/0190a5b4-0000-7000-8000-000000000000"):
        for permission in ("users.manage", "users.suspend", "users.delete", "users.create"):
            assert not one.permissions.allows(permission)


@pytest.mark.parametrize("subject", ["everyone", "groups/eng"])
def test_only_who_can_sign_in_has_something_of_their_own(subject: str) -> None:
    assert not list(own(subject))
