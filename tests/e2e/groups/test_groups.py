"""Groups: creating, reading, changing and deleting them."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.clients import Person
from tests.support.house import House
from tests.support.refusals import (
    ABORTED,
    ALREADY_EXISTS,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    refused,
)

NONE = "groups/nobody-made-this"


@pytest.fixture
def group(admin: Person) -> Any:
    wanted = {"display_name": "Engineering", "description": "Who builds it"}
    return admin.groups.CreateGroup(group=wanted).group


def events_of(gatehouse: House, name: str) -> list[tuple[str, Any]]:
    rows = gatehouse.sql("SELECT type, data FROM events WHERE subject = :it ORDER BY 1", it=name)
    return [(row.type.removeprefix("gatehouse.groups."), row.data) for row in rows]


def test_a_group_is_created_as_wanted(gatehouse: House, admin: Person, group: Any) -> None:
    assert (group.display_name, group.description) == ("Engineering", "Who builds it")
    assert group.etag
    assert group.create_time == group.update_time
    UUID(group.name.removeprefix("groups/"))
    assert admin.groups.GetGroup(name=group.name).group == group
    assert events_of(gatehouse, group.name) == [("created", {})]


def test_a_name_may_be_chosen_once(admin: Person) -> None:
    name = f"groups/eng-{uuid4().hex[:8]}"
    answer = admin.groups.CreateGroup(group={"name": name})
    assert answer.group.name == name
    assert answer.revision
    with refused(ALREADY_EXISTS, reason="NAME_TAKEN") as refusal:
        admin.groups.CreateGroup(group={"name": name})
    assert refusal.metadata == {"name": name}


def test_the_name_of_a_deleted_group_is_free_again(admin: Person, group: Any) -> None:
    admin.groups.DeleteGroup(name=group.name)
    assert admin.groups.CreateGroup(group={"name": group.name}).group.display_name == ""


@pytest.mark.parametrize(
    "name", ["groups/", "groups/A", "groups/-a", "groups/a/b", "users/a", "groups/" + "a" * 64]
)
def test_a_name_that_is_none_is_refused(admin: Person, name: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"group.name"}):
        admin.groups.CreateGroup(group={"name": name})
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"name"}):
        admin.groups.GetGroup(name=name)


def test_a_mask_changes_what_it_names(gatehouse: House, admin: Person, group: Any) -> None:
    wanted = {"name": group.name, "display_name": "Eng", "description": "x"}
    after = admin.groups.UpdateGroup(group=wanted, update_mask={"paths": ["description"]}).group
    assert (after.display_name, after.description) == ("Engineering", "x")
    assert after.etag != group.etag
    assert admin.groups.GetGroup(name=group.name).group == after
    assert ("updated", {"fields": ["description"]}) in events_of(gatehouse, group.name)


def test_without_a_mask_what_is_set_is_changed(admin: Person, group: Any) -> None:
    after = admin.groups.UpdateGroup(group={"name": group.name, "display_name": "Eng"}).group
    assert (after.display_name, after.description) == ("Eng", "Who builds it")


def test_a_star_replaces_both(admin: Person, group: Any) -> None:
    wanted = {"name": group.name, "display_name": "Eng"}
    after = admin.groups.UpdateGroup(group=wanted, update_mask={"paths": ["*"]}).group
    assert (after.display_name, after.description) == ("Eng", "")


@pytest.mark.parametrize("path", ["name", "etag", "create_time", "nonsense"])
def test_a_mask_may_name_only_what_can_be_changed(admin: Person, group: Any, path: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_UPDATE_MASK", fields={"update_mask"}):
        admin.groups.UpdateGroup(group={"name": group.name}, update_mask={"paths": [path]})


def test_an_update_that_changes_nothing_leaves_the_etag(admin: Person, group: Any) -> None:
    assert admin.groups.UpdateGroup(group=group).group == group


def test_a_stale_etag_is_aborted_and_changes_nothing(admin: Person, group: Any) -> None:
    current = admin.groups.UpdateGroup(group={"name": group.name, "display_name": "1"}).group
    stale = {"name": group.name, "display_name": "2", "etag": group.etag}
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.groups.UpdateGroup(group=stale)
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.groups.DeleteGroup(name=group.name, etag=group.etag)
    assert admin.groups.GetGroup(name=group.name).group == current


def test_a_group_that_is_not_there_is_not_found(admin: Person, ada: Person) -> None:
    calls = [
        lambda: admin.groups.GetGroup(name=NONE),
        lambda: admin.groups.UpdateGroup(group={"name": NONE, "display_name": "x"}),
        lambda: admin.groups.DeleteGroup(name=NONE),
        lambda: admin.groups.AddMember(group=NONE, member=ada.name),
        lambda: admin.groups.RemoveMember(group=NONE, member=ada.name),
        lambda: admin.groups.ListMembers(group=NONE),
    ]
    for call in calls:
        with refused(NOT_FOUND, reason="GROUP_NOT_FOUND") as refusal:
            call()
        assert refusal.resource == ("gatehouse.groups.v1.Group", NONE)


def test_who_may_not_is_not_told_what_is_there(ada: Person, group: Any) -> None:
    answers = []
    for name in (group.name, NONE):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING") as refusal:
            ada.groups.GetGroup(name=name)
        answers.append(refusal.message.replace(name, "…"))
    assert answers[0] == answers[1]


def test_a_deleted_group_is_gone_with_its_members_and_grants(
    gatehouse: House, admin: Person, group: Any, ada: Person
) -> None:
    admin.groups.AddMember(group=group.name, member=ada.name)
    gatehouse.grant(group.name, "roles/auditor")
    gatehouse.grant(ada.name, "roles/admin", f"/{group.name}")
    assert admin.users.GetUser(name=ada.name).user.name == ada.name
    assert admin.groups.DeleteGroup(name=group.name).revision
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.users.ListUsers()
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        ada.groups.GetGroup(name=group.name)
    assert list(ada.groups.ListMemberships().memberships) == []
    assert "deleted" in dict(events_of(gatehouse, group.name))


def test_the_pages_together_are_the_list_by_name(admin: Person) -> None:
    made = {admin.groups.CreateGroup(group={}).group.name for _ in range(7)}
    listed, token = [], ""
    while True:
        answer = admin.groups.ListGroups(page_size=3, page_token=token)
        listed += [it.name for it in answer.groups]
        token = answer.next_page_token
        if not token:
            break
    assert listed == sorted(set(listed))
    assert made <= set(listed)


@pytest.mark.parametrize("rpc", ["CreateGroup", "UpdateGroup", "DeleteGroup"])
def test_every_mutation_can_be_repeated(admin: Person, group: Any, rpc: str) -> None:
    fields = {
        "CreateGroup": {"group": {"display_name": "x"}},
        "UpdateGroup": {"group": {"name": group.name, "display_name": "x"}},
        "DeleteGroup": {"name": group.name},
    }[rpc] | {"request_id": str(uuid4())}
    call = getattr(admin.groups, rpc)
    assert call(**fields) == call(**fields)
