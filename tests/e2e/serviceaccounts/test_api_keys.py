"""API keys: made, shown once, listed and revoked."""

import time
from typing import Any
from uuid import uuid4

import pytest

from service.serviceaccounts import key_secrets
from tests.support.clients import Client, Person
from tests.support.house import House
from tests.support.refusals import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    refused,
)


@pytest.fixture
def account(admin: Person) -> str:
    answer = admin.service_accounts.CreateServiceAccount(service_account={})
    name: str = answer.service_account.name
    return name


def test_a_key_is_shown_once_and_kept_as_a_hash(
    gatehouse: House, admin: Person, account: str
) -> None:
    made = gatehouse.new_key(account, scopes=["users:read", "files:write"])
    key = made.api_key
    assert made.secret.startswith(key.prefix)
    assert len(key.prefix) == 16
    assert list(key.scopes) == ["files:write", "users:read"]
    assert not key.HasField("expire_time")
    assert not key.HasField("last_used_time")
    assert list(admin.service_accounts.ListApiKeys(service_account=account).api_keys) == [key]
    [row] = gatehouse.sql("SELECT * FROM api_keys WHERE service_account = :it", it=account)
    assert row.secret_hash == key_secrets.digest(made.secret)
    [event] = gatehouse.sql(
        "SELECT data FROM events WHERE subject = :it AND type LIKE '%api_key_created'", it=account
    )
    told = {"key": key.name, "scopes": ["files:write", "users:read"], "expire_time": None}
    assert event.data == told


def test_no_secret_stands_anywhere_in_the_database(gatehouse: House, account: str) -> None:
    made = gatehouse.new_key(account, request_id=str(uuid4()))
    gatehouse.machine(account, made.secret)
    for table in ("api_keys", "events", "changes", "requests", "sessions"):
        rows = gatehouse.sql(f"SELECT it::text AS line FROM {table} AS it")
        kept = "\n".join(row.line for row in rows)
        assert made.secret not in kept
        assert made.secret.encode().hex() not in kept


def test_a_repeated_request_shows_the_same_secret(gatehouse: House, account: str) -> None:
    request_id = str(uuid4())
    first = gatehouse.new_key(account, request_id=request_id)
    assert gatehouse.new_key(account, request_id=request_id) == first
    listed = gatehouse.admin.service_accounts.ListApiKeys(service_account=account)
    assert len(listed.api_keys) == 1


def test_without_scopes_a_key_gets_those_of_the_callers_token(
    gatehouse: House, admin: Person, account: str
) -> None:
    assert list(gatehouse.new_key(account).api_key.scopes) == ["*"]
    scopes = ["serviceaccounts:write", "users:read"]
    narrow = admin.bearing(admin.auth.ExchangeToken(scopes=scopes).tokens.access_token)
    key = narrow.service_accounts.CreateApiKey(service_account=account).api_key
    assert list(key.scopes) == scopes


@pytest.mark.parametrize("scope", ["*", "users:write", "files:read"])
def test_a_key_is_no_wider_than_the_callers_token(admin: Person, account: str, scope: str) -> None:
    scopes = ["serviceaccounts:write", "users:read"]
    narrow = admin.bearing(admin.auth.ExchangeToken(scopes=scopes).tokens.access_token)
    with refused(PERMISSION_DENIED, reason="SCOPE_MISSING") as refusal:
        narrow.service_accounts.CreateApiKey(service_account=account, scopes=["users:read", scope])
    assert refusal.metadata == {"scope": scope}


@pytest.mark.parametrize(
    "scopes", [[""], ["users"], ["users:all"], ["users:read", "users:read"], ["a:read"] * 65]
)
def test_scopes_that_are_none_are_refused(admin: Person, account: str, scopes: list[str]) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS"):
        admin.service_accounts.CreateApiKey(service_account=account, scopes=scopes)


@pytest.mark.parametrize("seconds", [0, 1, -62135596800, 2**62])
def test_a_key_ends_in_the_future(admin: Person, account: str, seconds: int) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"expire_time"}):
        admin.service_accounts.CreateApiKey(
            service_account=account, expire_time={"seconds": seconds}
        )


def test_the_last_second_there_is_is_in_the_future(gatehouse: House, account: str) -> None:
    made = gatehouse.new_key(account, expire_time={"seconds": 253402300799})
    assert made.api_key.expire_time.seconds == 253402300799
    assert gatehouse.machine(account, made.secret).auth.WhoAmI().subject == account


def test_keys_are_listed_newest_first_in_pages(
    gatehouse: House, admin: Person, account: str
) -> None:
    made = [gatehouse.new_key(account).api_key for _ in range(5)]
    admin.service_accounts.RevokeApiKey(name=made[1].name)
    listed, token = [], ""
    while True:
        answer = admin.service_accounts.ListApiKeys(
            service_account=account, page_size=2, page_token=token
        )
        listed += answer.api_keys
        token = answer.next_page_token
        if not token:
            break
    assert [it.name for it in listed] == [it.name for it in reversed(made)]
    assert [it.HasField("revoke_time") for it in listed] == [False, False, False, True, False]


def test_a_service_reads_itself_and_its_keys(gatehouse: House) -> None:
    service = gatehouse.new_service()
    assert service.service_accounts.GetServiceAccount(name=service.name).service_account.name
    [key] = service.service_accounts.ListApiKeys(service_account=service.name).api_keys
    assert service.secret.startswith(key.prefix)
    with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
        service.service_accounts.CreateApiKey(service_account=service.name)


def test_a_revoked_keys_tokens_are_refused_at_once_and_other_keys_work_on(
    gatehouse: House, admin: Person, anonymous: Client
) -> None:
    service = gatehouse.new_service()
    other = gatehouse.machine(service.name, gatehouse.new_key(service.name).secret)
    exchanged = service.bearing(service.auth.ExchangeToken().tokens.access_token)
    keys = admin.service_accounts.ListApiKeys(service_account=service.name).api_keys
    [key] = [it for it in keys if service.secret.startswith(it.prefix)]
    answer = admin.service_accounts.RevokeApiKey(name=key.name)
    assert answer.api_key.HasField("revoke_time")
    for client in (service, exchanged):
        with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
            client.auth.WhoAmI()
    with refused(UNAUTHENTICATED, reason="API_KEY_INVALID"):
        anonymous.auth.ExchangeApiKey(api_key=service.secret)
    assert other.auth.WhoAmI().subject == service.name
    [event] = gatehouse.sql(
        "SELECT data FROM events WHERE subject = :it AND type LIKE '%api_key_revoked'",
        it=service.name,
    )
    assert event.data == {"key": key.name}


def test_revoking_twice_is_no_error(gatehouse: House, admin: Person, account: str) -> None:
    name = gatehouse.new_key(account).api_key.name
    first = admin.service_accounts.RevokeApiKey(name=name).api_key
    assert admin.service_accounts.RevokeApiKey(name=name).api_key == first


def test_a_key_that_is_not_there_is_not_found(
    gatehouse: House, admin: Person, account: str
) -> None:
    of_another = gatehouse.new_key(account).api_key.name.replace(
        account, gatehouse.new_service().name
    )
    for name in (f"{account}/apiKeys/0190a5b4-0000-7000-8000-000000000000", of_another):
        with refused(NOT_FOUND, reason="API_KEY_NOT_FOUND") as refusal:
            admin.service_accounts.RevokeApiKey(name=name)
        assert refusal.resource == ("gatehouse.serviceaccounts.v1.ApiKey", name)


@pytest.mark.parametrize("name", ["", "x", "apiKeys/1", "serviceAccounts/a/apiKeys/1"])
def test_a_name_that_is_none_is_refused(admin: Person, name: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"name"}):
        admin.service_accounts.RevokeApiKey(name=name)


class TestPassingOn:
    """Who makes a key becomes the service account, and so must hold what it holds."""

    @pytest.fixture
    def maker(self, gatehouse: House, admin: Person) -> Person:
        """Someone who may make keys anywhere, and holds nothing else."""
        name = f"roles/k{uuid4().hex[:12]}"
        admin.roles.CreateRole(role={"name": name, "permissions": ["serviceaccounts.*"]})
        return gatehouse.new_person(name)

    def test_nobody_makes_a_key_to_more_than_they_hold(
        self, gatehouse: House, admin: Person, maker: Person, account: str
    ) -> None:
        gatehouse.grant(account, "roles/auditor")
        with refused(PERMISSION_DENIED, reason="NOT_HELD"):
            maker.service_accounts.CreateApiKey(service_account=account)
        assert not admin.service_accounts.ListApiKeys(service_account=account).api_keys

    def test_nor_to_what_its_groups_hold(
        self, gatehouse: House, admin: Person, maker: Person, account: str
    ) -> None:
        group = admin.groups.CreateGroup(group={}).group.name
        gatehouse.grant(group, "roles/owner", "/projects")
        admin.groups.AddMember(group=group, member=account)
        with refused(PERMISSION_DENIED, reason="NOT_HELD"):
            maker.service_accounts.CreateApiKey(service_account=account)

    def test_to_one_that_holds_nothing_they_may(self, maker: Person, account: str) -> None:
        assert maker.service_accounts.CreateApiKey(service_account=account).secret

    def test_who_is_in_charge_of_the_service_may(
        self, gatehouse: House, ada: Person, account: str
    ) -> None:
        gatehouse.grant(account, "roles/auditor")
        gatehouse.grant(ada.name, "roles/admin", f"/{account}")
        assert ada.service_accounts.CreateApiKey(service_account=account).secret


def test_when_a_key_was_used_is_kept_to_the_minute(
    gatehouse: House, admin: Person, account: str
) -> None:
    secret = gatehouse.new_key(account).secret

    def last_used() -> Any:
        [key] = admin.service_accounts.ListApiKeys(service_account=account).api_keys
        return key.last_used_time.ToNanoseconds()

    gatehouse.machine(account, secret)
    first = last_used()
    assert abs(first - time.time_ns()) < 60e9
    gatehouse.machine(account, secret)
    assert last_used() == first
    gatehouse.sql(
        "UPDATE api_keys SET last_used_time = last_used_time - interval '61 s'"
        " WHERE service_account = :it",
        it=account,
    )
    gatehouse.machine(account, secret)
    assert last_used() > first
