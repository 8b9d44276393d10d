"""Roles: the built-in ones, and those that people make."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import (
    ABORTED,
    ALREADY_EXISTS,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    refused,
)

NONE = "roles/nobody-made-this"
BUILT_IN = ["roles/admin", "roles/auditor", "roles/member", "roles/owner"]


def named() -> str:
    return f"roles/r{uuid4().hex[:12]}"


def new_role(client: Person, *permissions: str, **fields: Any) -> Any:
    role = {"name": named(), "permissions": permissions} | fields
    return client.roles.CreateRole(role=role).role


@pytest.fixture
def role(admin: Person) -> Any:
    return new_role(admin, "documents.read", title="Reader", description="Reads")


def events_of(gatehouse: House, name: str) -> list[tuple[str, Any]]:
    rows = gatehouse.sql(
        "SELECT type, data FROM events WHERE subject = :it ORDER BY position", it=name
    )
    return [(row.type.removeprefix("gatehouse.roles."), row.data) for row in rows]


def test_a_role_is_created_as_wanted(gatehouse: House, admin: Person) -> None:
    wanted = {
        "name": named(),
        "title": "Writer",
        "description": "Writes",
        "permissions": ["documents.write", "files.*", "documents.read"],
    }
    answer = admin.roles.CreateRole(role=wanted)
    role = answer.role
    assert answer.revision
    assert (role.title, role.description, role.built_in) == ("Writer", "Writes", False)
    assert list(role.permissions) == sorted(wanted["permissions"])
    assert role.create_time == role.update_time
    assert admin.roles.GetRole(name=role.name).role == role
    after = sorted(wanted["permissions"])
    assert events_of(gatehouse, role.name) == [("created", {"after": {"permissions": after}})]


def test_a_name_is_taken_once(admin: Person, role: Any) -> None:
    for name in (role.name, "roles/owner"):
        with refused(ALREADY_EXISTS, reason="NAME_TAKEN"):
            new_role(admin, "x.y", name=name)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "role"),
        ({"name": "roles/9"}, "role.name"),
        ({"name": "roles/A"}, "role.name"),
        ({"permissions": []}, "role"),
        ({"permissions": ["documents"]}, "role.permissions[0]"),
        ({"permissions": ["a.b", "*.read"]}, "role.permissions[1]"),
        ({"permissions": ["a.b", "a.b"]}, "role.permissions"),
        ({"permissions": [f"a.b{n}" for n in range(257)]}, "role.permissions"),
    ],
)
def test_what_is_no_role_is_refused(admin: Person, fields: dict[str, Any], field: str) -> None:
    role = {"name": named(), "permissions": ["a.b"]} | fields
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={field}):
        admin.roles.CreateRole(role=role)


def test_the_built_in_roles_are_there_and_stay_as_they_are(admin: Person) -> None:
    owner = admin.roles.GetRole(name="roles/owner").role
    assert (owner.built_in, list(owner.permissions)) == (True, ["*"])
    for name in BUILT_IN:
        for call in (
            lambda name=name: admin.roles.UpdateRole(role={"name": name, "title": "x"}),
            lambda name=name: admin.roles.DeleteRole(name=name),
        ):
            with refused(FAILED_PRECONDITION, reason="BUILT_IN_ROLE"):
                call()
    assert admin.roles.GetRole(name="roles/owner").role == owner


def test_roles_are_listed_by_name_in_pages(admin: Person, role: Any) -> None:
    listed, token = [], ""
    while True:
        answer = admin.roles.ListRoles(page_size=2, page_token=token)
        listed += answer.roles
        token = answer.next_page_token
        if not token:
            break
    names = [it.name for it in listed]
    assert names == sorted(set(names))
    assert {role.name, *BUILT_IN} <= set(names)
    assert role in listed


def test_a_mask_changes_what_it_names(admin: Person, role: Any) -> None:
    wanted = {"name": role.name, "title": "T", "description": "D", "permissions": ["x.y"]}
    answer = admin.roles.UpdateRole(role=wanted, update_mask={"paths": ["title"]})
    assert answer.revision
    after = answer.role
    assert (after.title, after.description) == ("T", "Reads")
    assert list(after.permissions) == ["documents.read"]
    assert after.etag != role.etag
    assert admin.roles.GetRole(name=role.name).role == after


@pytest.mark.parametrize("path", ["permissions", "*"])
def test_a_role_does_not_lose_its_last_permission(admin: Person, role: Any, path: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"role.permissions"}):
        admin.roles.UpdateRole(
            role={"name": role.name, "title": "x"}, update_mask={"paths": [path]}
        )
    assert admin.roles.GetRole(name=role.name).role == role


@pytest.mark.parametrize("path", ["name", "built_in", "etag", "nonsense"])
def test_a_mask_may_name_only_what_can_be_changed(admin: Person, role: Any, path: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_UPDATE_MASK", fields={"update_mask"}):
        admin.roles.UpdateRole(role={"name": role.name}, update_mask={"paths": [path]})


def test_an_update_that_changes_nothing_leaves_the_etag(admin: Person, role: Any) -> None:
    answer = admin.roles.UpdateRole(role=role)
    assert answer.role == role
    assert answer.revision


def test_a_stale_etag_is_aborted_and_changes_nothing(admin: Person, role: Any) -> None:
    current = admin.roles.UpdateRole(role={"name": role.name, "title": "1"}).role
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.roles.UpdateRole(role={"name": role.name, "title": "2", "etag": role.etag})
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.roles.DeleteRole(name=role.name, etag=role.etag)
    assert admin.roles.GetRole(name=role.name).role == current


def test_changed_permissions_count_at_once(
    gatehouse: House, admin: Person, ada: Person, role: Any
) -> None:
    gatehouse.grant(ada.name, role.name)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.users.ListUsers()
    permissions = ["documents.read", "users.list"]
    admin.roles.UpdateRole(role={"name": role.name, "permissions": permissions})
    assert ada.users.ListUsers(page_size=1).users
    admin.roles.UpdateRole(role={"name": role.name, "permissions": ["documents.read"]})
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.users.ListUsers()
    told = [data for kind, data in events_of(gatehouse, role.name) if kind == "updated"]

    def of(held: list[str]) -> dict[str, list[str]]:
        return {"permissions": held}

    assert told == [
        {"fields": ["permissions"], "before": of(["documents.read"]), "after": of(permissions)},
        {"fields": ["permissions"], "before": of(permissions), "after": of(["documents.read"])},
    ]


def test_a_role_that_is_granted_stays_until_it_is_not(
    gatehouse: House, admin: Person, ada: Person, role: Any
) -> None:
    grant = gatehouse.grant(ada.name, role.name, "/somewhere")
    with refused(FAILED_PRECONDITION, reason="ROLE_IN_USE"):
        admin.roles.DeleteRole(name=role.name)
    admin.access.DeleteGrant(name=grant.name)
    assert admin.roles.DeleteRole(name=role.name).revision
    with refused(NOT_FOUND, reason="ROLE_NOT_FOUND"):
        admin.roles.GetRole(name=role.name)
    before = {"before": {"permissions": ["documents.read"]}}
    assert events_of(gatehouse, role.name)[-1] == ("deleted", before)


def test_a_role_that_is_not_there_is_not_found(admin: Person) -> None:
    for call in (
        lambda: admin.roles.GetRole(name=NONE),
        lambda: admin.roles.UpdateRole(role={"name": NONE, "title": "x"}),
        lambda: admin.roles.DeleteRole(name=NONE),
    ):
        with refused(NOT_FOUND, reason="ROLE_NOT_FOUND") as refusal:
            call()
        assert refusal.resource == ("gatehouse.roles.v1.Role", NONE)


class TestPassingOn:
    """A role may be granted anywhere, so what is put into one must be held on `/`."""

    @pytest.fixture
    def clerk(self, gatehouse: House, admin: Person) -> Person:
        """Someone who may change roles, and holds no more than that and reading documents."""
        return gatehouse.new_person(new_role(admin, "roles.*", "documents.read").name)

    @pytest.mark.parametrize("added", ["*", "documents.*", "documents.write", "users.read"])
    def test_nobody_adds_what_they_do_not_hold(self, clerk: Person, role: Any, added: str) -> None:
        permissions = ["documents.read", added]
        with refused(PERMISSION_DENIED, reason="NOT_HELD") as refusal:
            clerk.roles.UpdateRole(role={"name": role.name, "permissions": permissions})
        assert refusal.metadata == {"permission": added, "path": "/"}
        assert clerk.roles.GetRole(name=role.name).role == role

    def test_nor_to_the_role_that_they_have_themselves(
        self, gatehouse: House, admin: Person, ada: Person
    ) -> None:
        role = new_role(admin, "roles.*")
        gatehouse.grant(ada.name, role.name)
        with refused(PERMISSION_DENIED, reason="NOT_HELD"):
            ada.roles.UpdateRole(role={"name": role.name, "permissions": ["*"]})

    def test_nor_takes_it_away(self, admin: Person, clerk: Person) -> None:
        role = new_role(admin, "documents.read", "users.list")
        with refused(PERMISSION_DENIED, reason="NOT_HELD"):
            clerk.roles.UpdateRole(role={"name": role.name, "permissions": ["documents.read"]})

    def test_what_they_hold_they_may_add(self, clerk: Person, role: Any) -> None:
        permissions = ["documents.read", "roles.read"]
        answer = clerk.roles.UpdateRole(role={"name": role.name, "permissions": permissions})
        assert list(answer.role.permissions) == permissions

    def test_what_is_held_below_is_not_enough(
        self, gatehouse: House, clerk: Person, role: Any
    ) -> None:
        gatehouse.grant(clerk.name, "roles/owner", "/projects")
        with refused(PERMISSION_DENIED, reason="NOT_HELD"):
            clerk.roles.UpdateRole(role={"name": role.name, "permissions": ["users.list"]})


@pytest.mark.parametrize("rpc", ["CreateRole", "UpdateRole", "DeleteRole"])
def test_every_mutation_can_be_repeated(admin: Person, role: Any, rpc: str) -> None:
    fields = {
        "CreateRole": {"role": {"name": named(), "permissions": ["a.b"]}},
        "UpdateRole": {"role": {"name": role.name, "title": "x"}},
        "DeleteRole": {"name": role.name},
    }[rpc] | {"request_id": str(uuid4())}
    call = getattr(admin.roles, rpc)
    assert call(**fields) == call(**fields)
