"""Channels that sign in by themselves, to a real Gatehouse."""

import asyncio
from pathlib import Path

import pytest
from gatehouse.auth.v1 import auth_service_pb2 as pb
from gatehouse.auth.v1.auth_service_pb2_grpc import AuthServiceStub

from gatehouse_client import (
    ApiKey,
    Credentials,
    Password,
    TokenFile,
    access_tokens,
    connect,
    connect_aio,
    token_source,
)
from tests.support.clients import Person
from tests.support.house import House
from tests.support.waiting import wait_until


def whoami(gatehouse: House, credentials: Credentials) -> pb.WhoAmIResponse:
    with connect(gatehouse.address, credentials=credentials) as channel:
        return AuthServiceStub(channel).WhoAmI(pb.WhoAmIRequest())


def test_with_a_password(gatehouse: House, ada: Person) -> None:
    answer = whoami(gatehouse, Password(ada.email, ada.password, device="a test"))
    assert answer.subject == ada.name
    devices = {it.device for it in ada.sessions.ListSessions().sessions}
    assert "a test" in devices


def test_with_an_api_key(gatehouse: House) -> None:
    machine = gatehouse.new_service(scopes=["access:read", "auth:read"])
    answer = whoami(gatehouse, ApiKey(machine.secret, scopes=["auth:read"]))
    assert answer.subject == machine.name
    assert list(answer.scopes) == ["auth:read"]


def test_with_a_token_file(gatehouse: House, ada: Person, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(ada.tokens.access_token)
    assert whoami(gatehouse, TokenFile(tmp_path / "token")).subject == ada.name


def test_with_asyncio(gatehouse: House, ada: Person) -> None:
    async def go() -> str:
        credentials = Password(ada.email, ada.password)
        async with connect_aio(gatehouse.address, credentials=credentials) as channel:
            answer = await AuthServiceStub(channel).WhoAmI(pb.WhoAmIRequest())
            return str(answer.subject)

    assert asyncio.run(go()) == ada.name


def test_a_session_that_was_ended_is_no_reason_to_fail(
    gatehouse: House, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "_YOUNG", 0.0)
    credentials = Password(ada.email, ada.password)
    with connect(gatehouse.address, credentials=credentials) as channel:
        auth = AuthServiceStub(channel)
        first = auth.WhoAmI(pb.WhoAmIRequest())
        ada.sessions.RevokeSession(name=first.session)
        second = auth.WhoAmI(pb.WhoAmIRequest())
    assert second.subject == first.subject
    assert second.session != first.session


def test_tokens_are_refreshed_and_not_signed_in_for_again(
    gatehouse: House, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "_REPLACED", (0.0, 0.0))
    token = token_source(gatehouse.channel, Password(ada.email, ada.password))
    seen = {token()}

    def replaced() -> bool:
        seen.add(token())
        assert gatehouse.anonymous.bearing(token()).auth.WhoAmI().subject == ada.name
        return len(seen) > 3

    wait_until(replaced, "three replacements")
    sessions = gatehouse.admin.sessions.ListSessions(subject=ada.name).sessions
    assert len(sessions) == 2, "ada's own, and one for all the tokens"
