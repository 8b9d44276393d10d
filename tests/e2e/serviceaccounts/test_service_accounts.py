"""Service accounts: creating, reading, changing, suspending and deleting them."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.clients import Client, Person
from tests.support.house import House
from tests.support.refusals import (
    ABORTED,
    ALREADY_EXISTS,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)

NONE = "serviceAccounts/nobody-made-this"


@pytest.fixture
def account(admin: Person) -> Any:
    wanted = {"display_name": "CI", "description": "Builds"}
    answer = admin.service_accounts.CreateServiceAccount(service_account=wanted)
    return answer.service_account


def update(admin: Person, name: str, *paths: str, **fields: Any) -> Any:
    return admin.service_accounts.UpdateServiceAccount(
        service_account={"name": name, **fields}, update_mask={"paths": list(paths)}
    )


def events_of(gatehouse: House, name: str) -> list[str]:
    rows = gatehouse.sql("SELECT type FROM events WHERE subject = :it ORDER BY position", it=name)
    return [row.type.removeprefix("gatehouse.") for row in rows]


def test_a_service_account_is_created_as_wanted(
    gatehouse: House, admin: Person, account: Any
) -> None:
    assert (account.display_name, account.description) == ("CI", "Builds")
    assert account.state == account.STATE_ACTIVE
    UUID(account.name.removeprefix("serviceAccounts/"))
    found = admin.service_accounts.GetServiceAccount(name=account.name).service_account
    assert found == account
    assert events_of(gatehouse, account.name) == ["serviceaccounts.created"]


def test_a_name_may_be_chosen_once(admin: Person) -> None:
    wanted = {"name": f"serviceAccounts/ci-{uuid4().hex[:8]}"}
    answer = admin.service_accounts.CreateServiceAccount(service_account=wanted)
    assert answer.revision
    assert answer.service_account.name == wanted["name"]
    with refused(ALREADY_EXISTS, reason="NAME_TAKEN"):
        admin.service_accounts.CreateServiceAccount(service_account=wanted)


@pytest.mark.parametrize("name", ["serviceAccounts/", "serviceAccounts/A", "users/a", "me"])
def test_a_name_that_is_none_is_refused(admin: Person, name: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"service_account.name"}):
        admin.service_accounts.CreateServiceAccount(service_account={"name": name})


def test_a_mask_changes_what_it_names(admin: Person, account: Any) -> None:
    answer = update(admin, account.name, "description", display_name="x", description="y")
    assert answer.revision
    after = answer.service_account
    assert (after.display_name, after.description) == ("CI", "y")
    assert after.etag != account.etag


def test_a_star_leaves_the_state_when_none_is_said(admin: Person, account: Any) -> None:
    update(admin, account.name, "state", state="STATE_SUSPENDED")
    after = update(admin, account.name, "*", display_name="x").service_account
    assert (after.display_name, after.description) == ("x", "")
    assert after.state == after.STATE_SUSPENDED
    assert update(admin, account.name, "state").service_account == after


@pytest.mark.parametrize("path", ["name", "etag", "create_time", "nonsense"])
def test_a_mask_may_name_only_what_can_be_changed(admin: Person, account: Any, path: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_UPDATE_MASK", fields={"update_mask"}):
        update(admin, account.name, path)


def test_an_update_that_changes_nothing_leaves_the_etag(admin: Person, account: Any) -> None:
    answer = admin.service_accounts.UpdateServiceAccount(service_account=account)
    assert answer.service_account == account
    assert answer.revision


def test_a_stale_etag_is_aborted_and_changes_nothing(admin: Person, account: Any) -> None:
    current = update(admin, account.name, display_name="1").service_account
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        update(admin, account.name, display_name="2", etag=account.etag)
    with refused(ABORTED, reason="ETAG_MISMATCH"):
        admin.service_accounts.DeleteServiceAccount(name=account.name, etag=account.etag)
    found = admin.service_accounts.GetServiceAccount(name=account.name).service_account
    assert found == current


def test_what_is_not_there_is_not_found(admin: Person) -> None:
    accounts = admin.service_accounts
    for call in (
        lambda: accounts.GetServiceAccount(name=NONE),
        lambda: update(admin, NONE, display_name="x"),
        lambda: accounts.DeleteServiceAccount(name=NONE),
        lambda: accounts.CreateApiKey(service_account=NONE),
        lambda: accounts.ListApiKeys(service_account=NONE),
    ):
        with refused(NOT_FOUND, reason="SERVICE_ACCOUNT_NOT_FOUND") as refusal:
            call()
        kind = "gatehouse.serviceaccounts.v1.ServiceAccount"
        assert refusal.resource == (kind, NONE)


def test_service_accounts_are_listed_by_name_in_pages(admin: Person) -> None:
    create = admin.service_accounts.CreateServiceAccount
    made = {create(service_account={}).service_account.name for _ in range(5)}
    listed, token = [], ""
    while True:
        answer = admin.service_accounts.ListServiceAccounts(page_size=2, page_token=token)
        listed += [it.name for it in answer.service_accounts]
        token = answer.next_page_token
        if not token:
            break
    assert listed == sorted(set(listed))
    assert made <= set(listed)


def test_a_suspended_service_is_refused_at_once_and_signs_in_no_more(
    gatehouse: House, admin: Person, anonymous: Client
) -> None:
    service = gatehouse.new_service()
    answer = update(admin, service.name, "state", state="STATE_SUSPENDED")
    assert answer.revision
    assert answer.service_account.state == answer.service_account.STATE_SUSPENDED
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        service.auth.WhoAmI()
    with refused(UNAUTHENTICATED, reason="API_KEY_INVALID"):
        anonymous.auth.ExchangeApiKey(api_key=service.secret)
    assert "serviceaccounts.suspended" in events_of(gatehouse, service.name)


def test_a_suspended_service_is_allowed_nothing(gatehouse: House, admin: Person) -> None:
    service = gatehouse.new_service("roles/auditor")
    asked = {"subject": service.name, "permission": "users.list", "path": "/users"}
    fully = {"consistency": {"fully_consistent": True}}
    assert admin.access.CheckAccess(**asked, **fully).allowed
    update(admin, service.name, "state", state="STATE_SUSPENDED")
    assert not admin.access.CheckAccess(**asked, **fully).allowed
    update(admin, service.name, "state", state="STATE_ACTIVE")
    assert admin.access.CheckAccess(**asked, **fully).allowed


def test_a_reactivated_service_signs_in_with_its_key_but_ended_sessions_stay_ended(
    gatehouse: House, admin: Person
) -> None:
    service = gatehouse.new_service()
    update(admin, service.name, "state", state="STATE_SUSPENDED")
    update(admin, service.name, "state", state="STATE_ACTIVE")
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        service.auth.WhoAmI()
    again = gatehouse.machine(service.name, service.secret)
    assert again.auth.WhoAmI().subject == service.name
    assert again.session != service.session
    assert "serviceaccounts.reactivated" in events_of(gatehouse, service.name)


def test_a_deleted_service_is_gone_and_refused(
    gatehouse: House, admin: Person, anonymous: Client
) -> None:
    service = gatehouse.new_service("roles/auditor")
    assert admin.service_accounts.DeleteServiceAccount(name=service.name).revision
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        service.auth.WhoAmI()
    with refused(UNAUTHENTICATED, reason="API_KEY_INVALID"):
        anonymous.auth.ExchangeApiKey(api_key=service.secret)
    with refused(NOT_FOUND, reason="SERVICE_ACCOUNT_NOT_FOUND"):
        admin.service_accounts.GetServiceAccount(name=service.name)
    assert gatehouse.sql("SELECT 1 FROM grants WHERE subject = :it", it=service.name) == []
    assert (
        gatehouse.sql("SELECT 1 FROM api_keys WHERE service_account = :it", it=service.name) == []
    )


def test_another_of_the_same_name_begins_with_nothing_and_signs_in(
    gatehouse: House, admin: Person
) -> None:
    service = gatehouse.new_service("roles/auditor")
    admin.service_accounts.DeleteServiceAccount(name=service.name)
    again = gatehouse.new_service(name=service.name)
    assert again.auth.WhoAmI().subject == service.name
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        again.users.ListUsers()
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        service.auth.WhoAmI()


@pytest.mark.parametrize(
    "rpc", ["CreateServiceAccount", "UpdateServiceAccount", "DeleteServiceAccount"]
)
def test_every_mutation_can_be_repeated(admin: Person, account: Any, rpc: str) -> None:
    fields = {
        "CreateServiceAccount": {"service_account": {"display_name": "x"}},
        "UpdateServiceAccount": {"service_account": {"name": account.name, "description": "x"}},
        "DeleteServiceAccount": {"name": account.name},
    }[rpc] | {"request_id": str(uuid4())}
    call = getattr(admin.service_accounts, rpc)
    assert call(**fields) == call(**fields)
