"""Resource names are read strictly, so that one thing has one name."""

from uuid import UUID

import pytest

from service.kernel import names
from service.kernel.errors import InvalidArgument

ID = UUID("0190a5b4-0000-7000-8000-00000000abcd")


def test_a_name_leads_back_to_its_id() -> None:
    assert names.user_id(names.user(ID)) == ID
    assert names.session_id(names.session(ID)) == ID
    assert names.webhook_id(names.webhook(ID)) == ID
    assert names.event_id(names.event(ID)) == ID
    account = "serviceAccounts/a"
    assert names.api_key_ids(names.api_key(account, ID)) == (account, ID)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "users/",
        "users",
        f"sessions/{ID}",
        f"users/{str(ID).upper()}",
        f"users/{ID.hex}",
        f"users/{{{ID}}}",
        f"users/urn:uuid:{ID}",
        f"users/{ID}/",
        f" users/{ID}",
        "users/me",
    ],
)
def test_another_spelling_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        names.user_id(name, field="user.name")
    assert refusal.value.violations[0].field == "user.name"


@pytest.mark.parametrize(
    "name", ["", "a", str(ID), f"apiKeys/{ID}", f"serviceAccounts/a/keys/{ID}", "a/b/apiKeys/c"]
)
def test_another_name_of_a_key_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument):
        names.api_key_ids(name)


def test_ids_sort_by_creation() -> None:
    made = [names.new_id() for _ in range(1000)]
    assert [it.int >> 80 for it in made] == sorted(it.int >> 80 for it in made)
    assert {it.version for it in made} == {7}
