"""A request that is repeated is answered to whom it was answered, and to a token as wide."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.clients import Client, Person
from tests.support.house import House
from tests.support.refusals import INVALID_ARGUMENT, PERMISSION_DENIED, refused


@pytest.fixture
def account(admin: Person) -> str:
    made = admin.service_accounts.CreateServiceAccount(service_account={})
    return str(made.service_account.name)


def narrowed(person: Person, *scopes: str) -> Client:
    return person.bearing(person.auth.ExchangeToken(scopes=scopes).tokens.access_token)


def test_a_narrower_token_is_not_given_the_wider_ones_secret(admin: Person, account: str) -> None:
    wanted = {"service_account": account, "request_id": str(uuid4())}
    admin.service_accounts.CreateApiKey(**wanted)
    narrow = narrowed(admin, "serviceaccounts:write")
    with refused(INVALID_ARGUMENT, reason="REQUEST_ID_REUSED", fields={"request_id"}):
        narrow.service_accounts.CreateApiKey(**wanted)


def test_nor_is_a_wider_token_or_another_the_narrower_ones(admin: Person, account: str) -> None:
    wanted = {"service_account": account, "request_id": str(uuid4())}
    narrowed(admin, "serviceaccounts:write").service_accounts.CreateApiKey(**wanted)
    for other in (admin, narrowed(admin, "serviceaccounts:write", "users:read")):
        with refused(INVALID_ARGUMENT, reason="REQUEST_ID_REUSED"):
            other.service_accounts.CreateApiKey(**wanted)


def test_another_session_with_the_same_scopes_in_any_order_is_answered_the_same(
    gatehouse: House, admin: Person, account: str
) -> None:
    wanted = {"service_account": account, "request_id": str(uuid4())}
    again = gatehouse.sign_in(admin.credentials)
    whole = [who.service_accounts.CreateApiKey(**wanted) for who in (admin, again)]
    assert whole[0] == whole[1]
    wanted["request_id"] = str(uuid4())
    scopes = ["serviceaccounts:write", "users:read"]
    tokens = [narrowed(admin, *scopes), narrowed(again, *reversed(scopes))]
    narrow = [who.service_accounts.CreateApiKey(**wanted) for who in tokens]
    assert narrow[0] == narrow[1]


@pytest.fixture
def make(gatehouse: House, account: str) -> Any:
    """Makes a service of one name, which may make keys of the account."""

    def anew(name: str) -> Client:
        gatehouse.admin.service_accounts.CreateServiceAccount(service_account={"name": name})
        gatehouse.grant(name, "roles/admin", f"/{account}")
        return gatehouse.machine(name, gatehouse.new_key(name).secret)

    return anew


def test_a_later_service_of_the_name_is_not_given_its_predecessors_secret(
    admin: Person, make: Any, account: str
) -> None:
    name = f"serviceAccounts/again-{uuid4().hex[:12]}"
    wanted = {"service_account": account, "request_id": str(uuid4())}
    first = make(name).service_accounts.CreateApiKey(**wanted)
    admin.service_accounts.DeleteServiceAccount(name=name)
    assert make(name).service_accounts.CreateApiKey(**wanted).secret != first.secret


def test_and_is_refused_what_it_may_not(
    gatehouse: House, admin: Person, make: Any, account: str
) -> None:
    name = f"serviceAccounts/again-{uuid4().hex[:12]}"
    wanted = {"service_account": account, "request_id": str(uuid4())}
    make(name).service_accounts.CreateApiKey(**wanted)
    admin.service_accounts.DeleteServiceAccount(name=name)
    gatehouse.grant(account, "roles/auditor")
    admin.service_accounts.CreateServiceAccount(service_account={"name": name})
    role = f"roles/it-{uuid4().hex[:12]}"
    admin.roles.CreateRole(role={"name": role, "permissions": ["serviceaccounts.create_key"]})
    gatehouse.grant(name, role, "/serviceAccounts")
    successor = gatehouse.machine(name, gatehouse.new_key(name).secret)
    with refused(PERMISSION_DENIED, reason="NOT_HELD"):
        successor.service_accounts.CreateApiKey(**wanted)
