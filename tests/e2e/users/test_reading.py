"""Reading users: one, several, and lists page by page."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.clients import Person
from tests.support.house import House, new_email
from tests.support.refusals import INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, refused

NOBODY = "users/0190a5b4-0000-7000-8000-000000000000"


def every_page(client: Person, **fields: Any) -> list[list[str]]:
    """The names on each page, from the first to the end."""
    pages, token = [], ""
    while True:
        answer = client.users.ListUsers(page_token=token, **fields)
        pages.append([it.name for it in answer.users])
        token = answer.next_page_token
        if not token:
            return pages


@pytest.fixture(scope="module")
def crowd(admin: Person) -> list[Any]:
    """Twenty-five users, in the order of their creation."""
    return [admin.users.CreateUser(user={"email": new_email("crowd")}).user for _ in range(25)]


def of_crowd(crowd: list[Any]) -> dict[str, Any]:
    """A filter for the crowd and whoever came between."""
    return {"create_start_time": crowd[0].create_time, "state": "STATE_PENDING"}


def test_people_read_themselves_as_me_or_by_name(ada: Person) -> None:
    assert ada.users.GetUser(name="users/me").user.name == ada.name
    assert ada.users.GetUser(name=ada.name).user.email == ada.email


@pytest.mark.parametrize("role", ["roles/member", "roles/auditor", "roles/admin", "roles/owner"])
def test_every_role_reads_others(gatehouse: House, bob: Person, role: str) -> None:
    reader = gatehouse.new_person(role)
    assert reader.users.GetUser(name=bob.name).user.name == bob.name


@pytest.mark.parametrize("name", ["", "me", "users/ME", "users/1", "users//", NOBODY.upper()])
def test_a_name_that_is_none_is_refused(admin: Person, name: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"name"}):
        admin.users.GetUser(name=name)


def test_several_are_answered_in_the_order_asked_for(admin: Person, crowd: list[Any]) -> None:
    names = [it.name for it in reversed(crowd)] + ["users/me", crowd[0].name]
    answer = admin.users.BatchGetUsers(names=names)
    assert [it.name for it in answer.users] == [*names[:-2], admin.name, crowd[0].name]


def test_of_several_the_one_missing_is_named(admin: Person, ada: Person) -> None:
    with refused(NOT_FOUND, reason="USER_NOT_FOUND") as refusal:
        admin.users.BatchGetUsers(names=[ada.name, NOBODY])
    assert refusal.resource == ("gatehouse.users.v1.User", NOBODY)


@pytest.mark.parametrize(
    ("names", "field"), [([], "names"), ([NOBODY] * 1001, "names"), (["x"], "names[0]")]
)
def test_a_batch_has_one_to_a_thousand_names(admin: Person, names: list[str], field: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={field}):
        admin.users.BatchGetUsers(names=names)


def test_people_without_a_role_get_no_lists(ada: Person) -> None:
    for ask in (ada.users.ListUsers, lambda: ada.users.BatchGetUsers(names=[ada.name])):
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
            ask()


def test_members_get_no_list(gatehouse: House) -> None:
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        gatehouse.new_person("roles/member").users.ListUsers()


@pytest.mark.parametrize("size", [1, 7, 25, 1000])
def test_the_pages_together_are_the_list_oldest_first(
    admin: Person, crowd: list[Any], size: int
) -> None:
    pages = every_page(admin, page_size=size, email="", **of_crowd(crowd))
    listed = [name for page in pages for name in page]
    assert [it.name for it in crowd] == [it for it in listed if it in {u.name for u in crowd}]
    assert len(set(listed)) == len(listed)
    assert all(len(page) == size for page in pages[:-1])


def test_nobody_is_listed_twice_or_left_out_while_others_join(
    admin: Person, crowd: list[Any]
) -> None:
    def join(_: int) -> None:
        for _ in range(5):
            admin.users.CreateUser(user={"email": new_email("late")})

    with ThreadPoolExecutor(2) as joining:
        joined = [joining.submit(join, number) for number in range(4)]
        pages = every_page(admin, page_size=3, **of_crowd(crowd))
        for one in joined:
            one.result()
    listed = [name for page in pages for name in page]
    assert len(set(listed)) == len(listed)
    assert {it.name for it in crowd} <= set(listed)


def test_a_page_is_fifty_when_nothing_is_said(admin: Person, crowd: list[Any]) -> None:
    for _ in range(3):
        for _ in range(10):
            admin.users.CreateUser(user={"email": new_email("more")})
    answer = admin.users.ListUsers(**of_crowd(crowd))
    assert len(answer.users) == 50
    assert answer.next_page_token


def test_a_large_page_is_coerced(admin: Person, crowd: list[Any]) -> None:
    assert len(admin.users.ListUsers(page_size=2**31 - 1, **of_crowd(crowd)).users) >= 25


def test_a_negative_page_size_is_refused(admin: Person) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"page_size"}):
        admin.users.ListUsers(page_size=-1)


@pytest.mark.parametrize("token", ["x", "AAAA", "ü", "=" * 10, "A" * 2000])
def test_a_forged_page_token_is_refused(admin: Person, token: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
        admin.users.ListUsers(page_token=token)


def test_a_page_token_of_another_filter_is_refused(admin: Person, crowd: list[Any]) -> None:
    token = admin.users.ListUsers(page_size=1, **of_crowd(crowd)).next_page_token
    with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
        admin.users.ListUsers(page_size=1, page_token=token)


def test_a_page_token_of_another_list_is_refused(gatehouse: House, ada: Person) -> None:
    gatehouse.sign_in(ada.credentials)
    token = ada.sessions.ListSessions(page_size=1).next_page_token
    assert token
    with refused(INVALID_ARGUMENT, reason="INVALID_PAGE_TOKEN", fields={"page_token"}):
        gatehouse.admin.users.ListUsers(page_token=token)


def test_a_list_is_filtered_by_state(admin: Person, ada: Person) -> None:
    admin.users.SuspendUser(name=ada.name)
    found = admin.users.ListUsers(state="STATE_SUSPENDED", email=ada.email).users
    assert [it.name for it in found] == [ada.name]
    assert list(admin.users.ListUsers(state="STATE_ACTIVE", email=ada.email).users) == []


def test_a_list_is_filtered_by_email_in_any_case(admin: Person, ada: Person) -> None:
    [found] = admin.users.ListUsers(email=ada.email.upper()).users
    assert found.name == ada.name
    assert list(admin.users.ListUsers(email=ada.email[:-1]).users) == []


def test_a_list_is_filtered_by_time_from_and_before(admin: Person, crowd: list[Any]) -> None:
    listed = admin.users.ListUsers(
        create_start_time=crowd[3].create_time, create_end_time=crowd[6].create_time
    ).users
    assert [it.name for it in listed] == [it.name for it in crowd[3:6]]


@pytest.mark.parametrize(
    "time", [{"seconds": 2**62}, {"seconds": -(2**62)}, {"nanos": -1}, {"nanos": 2**31 - 1}]
)
@pytest.mark.parametrize("field", ["create_start_time", "create_end_time"])
def test_a_time_that_is_none_is_refused(admin: Person, field: str, time: dict[str, int]) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={field}):
        admin.users.ListUsers(**{field: time})


@pytest.mark.parametrize("seconds", [-62135596800, 253402300799])
def test_the_first_and_the_last_second_are_times(admin: Person, seconds: int) -> None:
    admin.users.ListUsers(create_start_time={"seconds": seconds}, page_size=1)


def test_a_state_that_is_none_is_refused(admin: Person) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"state"}):
        admin.users.ListUsers(state=99)
