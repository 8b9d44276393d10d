"""A service of somebody else's beside a real Gatehouse."""

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from gatehouse_client import Refusal
from gatehouse_client.server import feed
from tests.e2e.client.conftest import Protected, make_roles
from tests.support.clients import Machine, Person
from tests.support.house import House, Site
from tests.support.process import ServerProcess
from tests.support.waiting import wait_until
from tests.unit.client.server.trial_service import TrialClient


@pytest.fixture(params=["sync", "aio"])
def protected(
    gatehouse: House,
    checker: Machine,
    protect: Callable[..., Protected],
    request: pytest.FixtureRequest,
) -> Protected:
    return protect(gatehouse.address, checker.secret, request.param)


def reason_of(client: TrialClient, method: str, said: str) -> str:
    """Why the call is refused; empty if it is not."""
    try:
        client.answers(method, said)
    except grpc.RpcError as error:
        return Refusal.of(error).reason.removeprefix("ERROR_REASON_")
    return ""


def test_who_was_granted_it_is_let_in_and_nobody_else(
    gatehouse: House, protected: Protected, ada: Person, bob: Person
) -> None:
    gatehouse.grant(ada.name, "roles/reader", "/projects/apollo")
    client = protected.calling(ada.tokens.access_token)
    assert client.answers("Ask", "apollo") == [f"{ada.name} apollo"]
    assert reason_of(client, "Ask", "gemini") == "PERMISSION_MISSING"
    assert reason_of(protected.calling(bob.tokens.access_token), "Ask", "apollo") == (
        "PERMISSION_MISSING"
    )


def test_a_grant_counts_at_once_and_so_does_its_end(
    gatehouse: House, protected: Protected, ada: Person
) -> None:
    client = protected.calling(ada.tokens.access_token)
    assert reason_of(client, "Ask", "apollo") == "PERMISSION_MISSING"
    grant = gatehouse.grant(ada.name, "roles/reader", "/projects/apollo")
    wait_until(lambda: not reason_of(client, "Ask", "apollo"), "the grant", 2.5)
    gatehouse.admin.access.DeleteGrant(name=grant.name)
    wait_until(lambda: reason_of(client, "Ask", "apollo"), "its end", 2.5)


def test_a_group_counts_at_once_and_so_does_leaving_it(
    gatehouse: House, protected: Protected, ada: Person
) -> None:
    group = gatehouse.admin.groups.CreateGroup(group={}).group.name
    gatehouse.grant(group, "roles/reader", "/projects/apollo")
    client = protected.calling(ada.tokens.access_token)
    assert reason_of(client, "Ask", "apollo") == "PERMISSION_MISSING"
    gatehouse.admin.groups.AddMember(group=group, member=ada.name)
    wait_until(lambda: not reason_of(client, "Ask", "apollo"), "the membership", 2.5)
    gatehouse.admin.groups.RemoveMember(group=group, member=ada.name)
    wait_until(lambda: reason_of(client, "Ask", "apollo"), "its end", 2.5)


def test_a_role_that_loses_a_permission_lets_nobody_in(
    gatehouse: House, protected: Protected, ada: Person
) -> None:
    role = {"name": f"roles/r{ada.name[-12:]}", "permissions": ["documents.read"]}
    gatehouse.admin.roles.CreateRole(role=role)
    gatehouse.grant(ada.name, role["name"], "/projects/apollo")
    client = protected.calling(ada.tokens.access_token)
    wait_until(lambda: not reason_of(client, "Ask", "apollo"), "the grant", 2.5)
    gatehouse.admin.roles.UpdateRole(
        role=role | {"permissions": ["documents.write"]}, update_mask={"paths": ["permissions"]}
    )
    wait_until(lambda: reason_of(client, "Ask", "apollo"), "the role's change", 2.5)


def test_who_is_suspended_is_refused_and_let_in_again_when_reactivated(
    gatehouse: House, protected: Protected, ada: Person
) -> None:
    gatehouse.grant(ada.name, "roles/reader", "/projects/apollo")
    client = protected.calling(ada.tokens.access_token)
    wait_until(lambda: not reason_of(client, "Ask", "apollo"), "the grant", 2.5)
    gatehouse.admin.users.SuspendUser(name=ada.name)
    wait_until(lambda: reason_of(client, "Ask", "apollo") == "SESSION_REVOKED", "the refusal", 2.5)
    gatehouse.admin.users.ReactivateUser(name=ada.name)
    again = gatehouse.sign_in(ada.credentials)
    anew = protected.calling(again.tokens.access_token)
    wait_until(lambda: not reason_of(anew, "Ask", "apollo"), "the reactivation", 2.5)


def test_who_signs_out_is_refused_and_their_streams_end(
    gatehouse: House, protected: Protected, ada: Person
) -> None:
    gatehouse.grant(ada.name, "roles/reader", "/projects/wait")
    client = protected.calling(ada.tokens.access_token)
    wait_until(lambda: not reason_of(client, "Whoever", "x"), "a first call")
    stream = client.call("Listen", "wait")
    assert next(stream).value == f"{ada.name} wait"
    ada.auth.Logout()
    wait_until(lambda: reason_of(client, "Whoever", "x") == "SESSION_REVOKED", "the refusal")
    with pytest.raises(grpc.RpcError):
        list(stream)


def test_a_narrower_token_of_another_audience_is_not_for_this_service(
    protected: Protected, ada: Person
) -> None:
    other = ada.auth.ExchangeToken(audience="elsewhere").tokens.access_token
    assert reason_of(protected.calling(other), "Whoever", "x") == "TOKEN_INVALID"
    narrow = ada.auth.ExchangeToken(scopes=["users:read"]).tokens.access_token
    assert reason_of(protected.calling(narrow), "Whoever", "x") == ""


def test_a_service_account_is_a_caller_as_well(gatehouse: House, protected: Protected) -> None:
    machine = gatehouse.new_service("roles/reader")
    client = protected.calling(machine.tokens.access_token)
    assert client.answers("Ask", "apollo") == [f"{machine.name} apollo"]


def test_without_the_rights_to_ask_nobody_is_let_in(
    gatehouse: House, checker: Machine, protected: Protected, ada: Person
) -> None:
    gatehouse.grant(ada.name, "roles/reader", "/projects/apollo")
    client = protected.calling(ada.tokens.access_token)
    wait_until(lambda: not reason_of(client, "Ask", "apollo"), "a first call", 2.5)
    gatehouse.take_roles(checker.name)
    wait_until(lambda: reason_of(client, "Ask", "apollo") == "GATEHOUSE_UNREACHABLE", "the refusal")


def test_gatehouse_may_come_back_after_a_crash(
    tmp_path: Path, protect: Callable[..., Protected], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "TRUST", 2.0)
    server = ServerProcess(tmp_path, GRPC_ADDRESS="127.0.0.1:0")
    try:
        site = server.start()
        make_roles(site)  # type: ignore[arg-type]
        machine = site.new_service("roles/checker", scopes=["access:read", "auth:read"])
        ada = _reader(site)
        protected = protect(site.address, machine.secret)
        client = protected.calling(ada.tokens.access_token)
        assert client.answers("Ask", "apollo") == [f"{ada.name} apollo"]
        server._settings["GRPC_ADDRESS"] = site.address
        server.kill_server()
        wait_until(
            lambda: reason_of(client, "Ask", "apollo") == "GATEHOUSE_UNREACHABLE", "no trust"
        )
        server.start()
        wait_until(lambda: not reason_of(client, "Ask", "apollo"), "trust")
    finally:
        server.close()


def _reader(site: Site) -> Person:
    ada = site.new_person()
    site.grant(ada.name, "roles/reader", "/projects/apollo")
    return ada
