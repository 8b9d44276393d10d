"""Lists: all that one may read, in order, and nothing else."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.clients import Client, Person
from tests.support.files import upload
from tests.support.house import House
from tests.support.refusals import INVALID_ARGUMENT, UNAUTHENTICATED, refused
from tests.support.waiting import wait_until

NAMES = ["a", "a/x", "a/x/y", "a!", "a-b", "a.txt", "a/z", "aa", "b/1", "b/2", "é", "\U0001f980"]


def listed(client: Client, parent: str, **more: Any) -> list[str]:
    """All pages of a list: the names below the parent."""
    found: list[str] = []
    token = ""
    while True:
        page = client.files.ListFiles(parent=parent, page_token=token, **more)
        found += [it.name.removeprefix(f"{parent}/") for it in page.files]
        if not (token := page.next_page_token):
            return found
        assert len(page.files) == more.get("page_size", 50)


@pytest.fixture
def full(admin: Person, folder: str) -> str:
    """A folder with NAMES in it."""
    for name in reversed(NAMES):
        upload(admin, f"{folder}/{name}", b"x")
    return folder


@pytest.fixture
def allow(gatehouse: House, ada: Person, full: str) -> Callable[..., Any]:
    """Grants Ada, or somebody else, to read something in the folder; `deny` says the contrary."""

    def grant(name: str, subject: str = "", **fields: Any) -> Any:
        path = f"/{full}/{name}".rstrip("/")
        return gatehouse.grant(subject or ada.name, "roles/file-reader", path, **fields)

    return grant


DENY = {"effect": "EFFECT_DENY"}


def test_names_come_folder_by_folder(admin: Person, full: str) -> None:
    """What is in `a` comes right after it, before `a!`, though "!" is less than "/"."""
    assert listed(admin, full) == [
        *("a", "a/x", "a/x/y", "a/z", "a!", "a-b", "a.txt", "aa", "b/1", "b/2", "é", "\U0001f980")
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 12, 13, 1000])
def test_pages_of_any_size_leave_nothing_out_and_tell_nothing_twice(
    admin: Person, full: str, size: int
) -> None:
    assert listed(admin, full, page_size=size) == listed(admin, full)


def test_a_parent_is_a_folder_and_not_what_names_begin_with(admin: Person, full: str) -> None:
    assert [it.name for it in admin.files.ListFiles(parent=f"{full}/a").files] == [
        f"{full}/{name}" for name in ("a", "a/x", "a/x/y", "a/z")
    ]
    assert listed(admin, f"{full}/b") == ["1", "2"]
    assert listed(admin, f"{full}/b/1/deeper") == []


def test_a_file_as_it_is_told_by_itself_is_listed(admin: Person, name: str) -> None:
    file = upload(admin, name, b"x", labels={"a": "1"}, content_type="text/plain")
    assert list(admin.files.ListFiles(parent=name).files) == [file]


def test_without_a_parent_all_is_listed_that_may_be_read(
    ada: Person, full: str, allow: Callable[..., Any]
) -> None:
    allow("b")
    assert [it.name for it in ada.files.ListFiles().files] == [f"{full}/b/1", f"{full}/b/2"]


def test_a_grant_above_the_parent_counts(ada: Person, full: str, allow: Callable[..., Any]) -> None:
    allow("")
    assert listed(ada, f"{full}/b") == ["1", "2"]


def test_a_grant_on_a_file_is_one_on_what_is_below_it_alone(
    ada: Person, full: str, allow: Callable[..., Any]
) -> None:
    allow("a")
    assert listed(ada, full) == ["a", "a/x", "a/x/y", "a/z"]


def test_a_deny_below_an_allow_leaves_its_folder_out(
    ada: Person, full: str, allow: Callable[..., Any]
) -> None:
    allow("")
    allow("a", **DENY)
    assert listed(ada, full) == ["a!", "a-b", "a.txt", "aa", "b/1", "b/2", "é", "\U0001f980"]


def test_an_allow_below_a_deny_is_none(ada: Person, full: str, allow: Callable[..., Any]) -> None:
    allow("")
    allow("a", **DENY)
    allow("a/x")
    allow("a/x/y", **DENY)
    assert "a/x" not in listed(ada, full)
    allow("b/1", **DENY)
    assert listed(ada, full, page_size=1) == [
        *("a!", "a-b", "a.txt", "aa", "b/2", "é", "\U0001f980")
    ]


def test_a_deny_beside_an_allow_changes_nothing(
    ada: Person, full: str, allow: Callable[..., Any]
) -> None:
    allow("a")
    allow("a!", **DENY)
    allow("aa", **DENY)
    allow("b/2")
    assert listed(ada, full) == ["a", "a/x", "a/x/y", "a/z", "b/2"]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_many_grants_are_looked_at_a_few_at_a_time(
    ada: Person,
    full: str,
    allow: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr("service.files.service._FEW_RANGES", 2)
    monkeypatch.setattr("service.files.service._MOST_RANGES", 3)
    names = ["a/x/y", "a!", "a.txt", "b/1", "b/2", "é"]
    for name in reversed(names):
        allow(name)
    assert listed(ada, full, page_size=size) == names


def test_grants_of_other_permissions_show_nothing(
    gatehouse: House, admin: Person, ada: Person, full: str
) -> None:
    role = {"name": "roles/writer-only", "permissions": ["files.write", "files.delete"]}
    admin.roles.CreateRole(role=role)
    gatehouse.grant(ada.name, "roles/writer-only", f"/{full}")
    assert listed(ada, full) == []


def test_what_groups_and_everyone_may_read_is_listed(
    admin: Person, ada: Person, full: str, allow: Callable[..., Any]
) -> None:
    inner = admin.groups.CreateGroup(group={}).group.name
    outer = admin.groups.CreateGroup(group={}).group.name
    admin.groups.AddMember(group=inner, member=ada.name)
    admin.groups.AddMember(group=outer, member=inner)
    allow("a/x", outer)
    everyones = allow("b", "everyone")
    assert listed(ada, full) == ["a/x", "a/x/y", "b/1", "b/2"]
    allow("b/1", inner, **DENY)
    assert listed(ada, full) == ["a/x", "a/x/y", "b/2"]
    admin.access.DeleteGrant(name=everyones.name)
    admin.groups.RemoveMember(group=inner, member=ada.name)
    assert listed(ada, full) == []


def test_a_grant_that_has_ended_shows_nothing(
    gatehouse: House, ada: Person, full: str, allow: Callable[..., Any]
) -> None:
    allow("b")
    allow("a", expire_time=datetime.now(UTC) + timedelta(seconds=1.5))
    wait_until(lambda: listed(ada, full) == ["b/1", "b/2"], "the end of the grant")


def test_who_is_suspended_lists_nothing(
    admin: Person, ada: Person, full: str, allow: Callable[..., Any]
) -> None:
    allow("b")
    admin.users.SuspendUser(name=ada.name)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        listed(ada, full)


def test_what_is_taken_back_between_pages_is_not_on_the_next(
    admin: Person, ada: Person, full: str, allow: Callable[..., Any]
) -> None:
    grant = allow("")
    first = ada.files.ListFiles(parent=full, page_size=3)
    revision = admin.access.DeleteGrant(name=grant.name).revision
    allow("b")
    rest = ada.files.ListFiles(
        parent=full,
        page_size=3,
        page_token=first.next_page_token,
        consistency={"at_least_as_fresh": revision},
    )
    assert [it.name for it in rest.files] == [f"{full}/b/1", f"{full}/b/2"]


def test_files_that_come_and_go_between_pages_put_nothing_out_of_order(
    admin: Person, full: str
) -> None:
    first = admin.files.ListFiles(parent=full, page_size=4)
    admin.files.DeleteFile(name=f"{full}/a/z")
    upload(admin, f"{full}/a/w", b"x")
    upload(admin, f"{full}/a0", b"x")
    rest = admin.files.ListFiles(parent=full, page_token=first.next_page_token)
    names = [it.name.removeprefix(f"{full}/") for it in rest.files]
    assert names == ["a!", "a-b", "a.txt", "a0", "aa", "b/1", "b/2", "é", "\U0001f980"]


@pytest.fixture
def token(admin: Person, full: str) -> Iterator[str]:
    """That of a second page of the admin's."""
    return admin.files.ListFiles(parent=full, page_size=1).next_page_token


def test_a_page_token_is_for_its_parent_only(admin: Person, full: str, token: str) -> None:
    for parent in ("", f"{full}/a"):
        with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
            admin.files.ListFiles(parent=parent, page_token=token)


def test_a_page_token_is_for_its_caller_only(
    ada: Person, full: str, token: str, allow: Callable[..., Any]
) -> None:
    allow("")
    with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
        ada.files.ListFiles(parent=full, page_token=token)


@pytest.mark.parametrize("change", [lambda it: it[:-2], lambda it: "A" + it, lambda _: "x"])
def test_a_page_token_cannot_be_made(
    admin: Person, full: str, token: str, change: Callable[[str], str]
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
        admin.files.ListFiles(parent=full, page_token=change(token))


def test_a_page_token_is_not_one_of_another_list(admin: Person, full: str, token: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
        admin.users.ListUsers(page_token=token)


def test_no_less_than_nothing_can_be_asked_for(admin: Person) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"page_size"}):
        admin.files.ListFiles(page_size=-1)


def test_fifty_are_listed_unless_more_are_asked_for(admin: Person, folder: str) -> None:
    for number in range(51):
        upload(admin, f"{folder}/{number:02}", b"")
    page = admin.files.ListFiles(parent=folder)
    assert (len(page.files), bool(page.next_page_token)) == (50, True)
    page = admin.files.ListFiles(parent=folder, page_size=5000)
    assert (len(page.files), page.next_page_token) == (51, "")


def test_a_list_is_at_least_as_fresh_as_asked(gatehouse: House, ada: Person, full: str) -> None:
    made = gatehouse.admin.access.CreateGrant(
        path=f"/{full}/b", role="roles/file-reader", subject=ada.name
    )
    for consistency in ({"at_least_as_fresh": made.revision}, {"fully_consistent": True}):
        answer = ada.files.ListFiles(parent=full, consistency=consistency)
        assert len(answer.files) == 2
        assert answer.revision


def test_a_revision_that_is_none_is_refused(admin: Person) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_CURSOR"):
        admin.files.ListFiles(consistency={"at_least_as_fresh": "x"})
