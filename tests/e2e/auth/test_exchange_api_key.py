"""A service signs in with an API key: for how long, for what, and what ends it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from service.serviceaccounts import key_secrets
from tests.support.clients import Client, Person
from tests.support.house import House
from tests.support.refusals import (
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    Refusal,
    refused,
)


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def refusal_of(client: Client, secret: str) -> Refusal:
    with refused(UNAUTHENTICATED, reason="API_KEY_INVALID") as refusal:
        client.auth.ExchangeApiKey(api_key=secret)
    return refusal


def sign_in_events(gatehouse: House, subject: str) -> list[Any]:
    return gatehouse.sql(
        "SELECT type, data FROM events WHERE subject = :it AND type LIKE 'gatehouse.auth.%'",
        it=subject,
    )


def test_a_key_gives_an_access_token_and_no_refresh_token(gatehouse: House) -> None:
    service = gatehouse.new_service(scopes=["users:read", "auth:read"])
    tokens = service.tokens
    assert (tokens.refresh_token, tokens.refresh_expires_in) == ("", 0)
    assert 598 <= tokens.expires_in <= 600
    assert list(tokens.scopes) == ["auth:read", "users:read"]
    found = claims(tokens.access_token)
    assert (found["sub"], found["sid"]) == (service.name, tokens.session)
    assert sign_in_events(gatehouse, service.name) == []


def test_the_token_is_the_service(gatehouse: House) -> None:
    service = gatehouse.new_service("roles/auditor", display_name="Continuous integration")
    me = service.auth.WhoAmI()
    assert (me.subject, me.display_name) == (service.name, "Continuous integration")
    assert (me.session, list(me.roles)) == (service.session, ["roles/auditor"])
    assert service.users.ListUsers(page_size=1).users


def test_who_am_i_follows_a_changed_display_name(gatehouse: House, admin: Person) -> None:
    service = gatehouse.new_service(display_name="CI")
    assert service.auth.WhoAmI().display_name == "CI"
    admin.service_accounts.UpdateServiceAccount(
        service_account={"name": service.name, "display_name": "CD"}
    )
    assert service.auth.WhoAmI().display_name == "CD"


def test_tokens_of_one_key_share_a_session(gatehouse: House, anonymous: Client) -> None:
    service = gatehouse.new_service()
    tokens = [anonymous.auth.ExchangeApiKey(api_key=service.secret).tokens for _ in range(3)]
    assert {it.session for it in tokens} == {service.session}
    assert len({it.access_token for it in tokens}) == 3
    other = gatehouse.machine(service.name, gatehouse.new_key(service.name).secret)
    assert other.session != service.session


class TestScopes:
    """A token is for the key's scopes or fewer."""

    def test_fewer_may_be_asked_for(self, gatehouse: House, anonymous: Client) -> None:
        service = gatehouse.new_service(scopes=["users:read", "auth:read"])
        answer = anonymous.auth.ExchangeApiKey(api_key=service.secret, scopes=["auth:read"])
        narrow = service.bearing(answer.tokens.access_token)
        assert list(narrow.auth.WhoAmI().scopes) == ["auth:read"]
        with refused(PERMISSION_DENIED, reason="SCOPE_MISSING"):
            narrow.users.GetUser(name=gatehouse.admin.name)

    @pytest.mark.parametrize("scope", ["*", "users:write", "files:read"])
    def test_others_are_refused(self, gatehouse: House, anonymous: Client, scope: str) -> None:
        service = gatehouse.new_service(scopes=["users:read"])
        with refused(PERMISSION_DENIED, reason="SCOPE_MISSING") as refusal:
            anonymous.auth.ExchangeApiKey(api_key=service.secret, scopes=["users:read", scope])
        assert refusal.metadata == {"scope": scope}

    def test_a_key_for_everything_gives_a_token_for_anything(
        self, gatehouse: House, anonymous: Client
    ) -> None:
        service = gatehouse.new_service()
        tokens = anonymous.auth.ExchangeApiKey(api_key=service.secret, scopes=["x:read"]).tokens
        assert list(tokens.scopes) == ["x:read"]

    @pytest.mark.parametrize("scope", ["", "users", "users:delete"])
    def test_a_scope_that_is_none_is_refused(self, anonymous: Client, scope: str) -> None:
        with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"scopes[0]"}):
            anonymous.auth.ExchangeApiKey(api_key="x", scopes=[scope])


class TestRefusals:
    """One answer, whatever is wrong with the key."""

    def test_all_keys_that_are_no_good_are_refused_alike(
        self, gatehouse: House, admin: Person, anonymous: Client
    ) -> None:
        revoked, suspended, deleted = (gatehouse.new_service() for _ in range(3))
        [key] = admin.service_accounts.ListApiKeys(service_account=revoked.name).api_keys
        admin.service_accounts.RevokeApiKey(name=key.name)
        admin.service_accounts.UpdateServiceAccount(
            service_account={"name": suspended.name, "state": "STATE_SUSPENDED"}
        )
        admin.service_accounts.DeleteServiceAccount(name=deleted.name)
        forged = key_secrets.new(key_secrets.read(gatehouse.new_service().secret))
        unknown = key_secrets.new(uuid4())
        secrets = [revoked.secret, suspended.secret, deleted.secret, forged, unknown, "nonsense"]
        refusals = [refusal_of(anonymous, secret) for secret in secrets]
        assert len({(it.message, str(it.metadata), it.resource) for it in refusals}) == 1
        assert not any(secret in refusals[0].message for secret in secrets)

    @pytest.mark.parametrize("api_key", ["", "x" * 1025])
    def test_what_is_no_key_at_all_is_refused(self, anonymous: Client, api_key: str) -> None:
        with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"api_key"}):
            anonymous.auth.ExchangeApiKey(api_key=api_key)

    def test_a_mistyped_key_is_refused_without_the_database(
        self, gatehouse: House, anonymous: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away() -> None:
            raise AssertionError("the database was asked")

        services = gatehouse.application.services
        secret = gatehouse.new_service().secret
        wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
        monkeypatch.setattr(services.database, "require_there", away)
        refusal_of(anonymous, wrong)

    def test_refusals_of_known_keys_are_recorded_and_of_others_not(
        self, gatehouse: House, admin: Person, anonymous: Client
    ) -> None:
        service = gatehouse.new_service()
        [key] = admin.service_accounts.ListApiKeys(service_account=service.name).api_keys
        admin.service_accounts.RevokeApiKey(name=key.name)
        refusal_of(anonymous, service.secret)
        refusal_of(anonymous, service.secret)  # the second in a minute is told no more
        [event] = sign_in_events(gatehouse, service.name)
        assert (event.type, event.data) == ("gatehouse.auth.sign_in_refused", {"key": key.name})
        before = gatehouse.sql("SELECT max(position) FROM events")
        refusal_of(anonymous, key_secrets.new(uuid4()))
        refusal_of(anonymous, "nonsense")
        assert gatehouse.sql("SELECT max(position) FROM events") == before

    def test_an_expired_key_is_refused(self, gatehouse: House, anonymous: Client) -> None:
        service = gatehouse.new_service()
        gatehouse.sql(
            "UPDATE api_keys SET expire_time = now() - interval '1 ms' WHERE service_account = :it",
            it=service.name,
        )
        refusal_of(anonymous, service.secret)


class TestTime:
    """How long a token lives, and the session it belongs to."""

    @staticmethod
    def move(gatehouse: House, session: str, **columns: str) -> None:
        changes = ", ".join(f"{name} = now() + interval '{it}'" for name, it in columns.items())
        gatehouse.sql(
            f"UPDATE sessions SET {changes} WHERE id = CAST(:id AS uuid)",
            id=session.removeprefix("sessions/"),
        )

    @staticmethod
    def token_expire_time(gatehouse: House, session: str) -> datetime:
        [row] = gatehouse.sql(
            "SELECT token_expire_time FROM sessions WHERE id = CAST(:id AS uuid)",
            id=session.removeprefix("sessions/"),
        )
        time: datetime = row.token_expire_time
        return time

    def test_no_token_outlives_its_key(self, gatehouse: House, anonymous: Client) -> None:
        service = gatehouse.new_service()
        soon = datetime.now(UTC) + timedelta(seconds=90)
        key = gatehouse.new_key(service.name, expire_time=soon)
        tokens = anonymous.auth.ExchangeApiKey(api_key=key.secret).tokens
        assert 80 <= tokens.expires_in <= 90
        assert claims(tokens.access_token)["exp"] <= soon.timestamp()

    def test_most_exchanges_write_nothing(
        self, gatehouse: House, anonymous: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def none(call: Any) -> None:
            raise AssertionError("there was a transaction")

        service = gatehouse.new_service()
        monkeypatch.setattr(gatehouse.application.services.database, "transaction", none)
        assert anonymous.auth.ExchangeApiKey(api_key=service.secret).tokens.session

    def test_a_session_gets_more_time_before_a_token_outlives_it(self, gatehouse: House) -> None:
        service = gatehouse.new_service()
        self.move(gatehouse, service.session, token_expire_time="5 min", end_time="6 min")
        again = gatehouse.machine(service.name, service.secret)
        assert again.session == service.session
        assert again.tokens.expires_in >= 598
        until = claims(again.tokens.access_token)["exp"]
        assert until <= self.token_expire_time(gatehouse, service.session).timestamp()

    def test_no_token_ever_outlives_what_a_revocation_lasts(self, gatehouse: House) -> None:
        service = gatehouse.new_service()
        for left in ("0 s", "1 min", "10 min", "19 min"):
            self.move(gatehouse, service.session, token_expire_time=left)
            again = gatehouse.machine(service.name, service.secret)
            until = claims(again.tokens.access_token)["exp"]
            assert until <= self.token_expire_time(gatehouse, again.session).timestamp()

    def test_a_session_left_idle_is_followed_by_another(self, gatehouse: House) -> None:
        service = gatehouse.new_service()
        past = {"token_expire_time": "-2 min", "expire_time": "-1 min", "end_time": "-1 min"}
        self.move(gatehouse, service.session, **past)
        again = gatehouse.machine(service.name, service.secret)
        assert again.session != service.session
        assert again.auth.WhoAmI().session == again.session

    def test_a_key_outlives_what_a_persons_session_may_last(
        self, open_house: Callable[..., House]
    ) -> None:
        house = open_house(
            session_lifetime=timedelta(minutes=20), refresh_token_lifetime=timedelta(minutes=20)
        )
        service = house.new_service()
        self.move(house, service.session, token_expire_time="1 min", end_time="1 min")
        again = house.machine(service.name, service.secret)
        assert (again.session, again.tokens.expires_in >= 598) == (service.session, True)

    def test_sessions_that_are_left_idle_sooner_than_tokens_end_live_as_long_as_those(
        self, open_house: Callable[..., House]
    ) -> None:
        house = open_house(refresh_token_lifetime=timedelta(minutes=1))
        service = house.new_service()
        [session] = service.sessions.ListSessions().sessions
        assert session.expire_time.seconds >= claims(service.tokens.access_token)["exp"]


class TestEnd:
    """What ends the session of a key, and what the next exchange does."""

    def test_signing_out_ends_the_tokens_not_the_key(self, gatehouse: House) -> None:
        service = gatehouse.new_service()
        service.auth.Logout()
        with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
            service.auth.WhoAmI()
        again = gatehouse.machine(service.name, service.secret)
        assert again.auth.WhoAmI().session != service.session

    def test_all_sessions_of_a_service_can_be_ended(self, gatehouse: House, admin: Person) -> None:
        service = gatehouse.new_service()
        other = gatehouse.machine(service.name, gatehouse.new_key(service.name).secret)
        assert admin.sessions.RevokeAllSessions(subject=service.name).revoked_count == 2
        for client in (service, other):
            with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
                client.auth.WhoAmI()

    def test_the_sessions_of_a_service_are_listed(
        self, gatehouse: House, admin: Person, ada: Person
    ) -> None:
        service = gatehouse.new_service()
        [session] = admin.sessions.ListSessions(subject=service.name).sessions
        assert (session.name, session.subject) == (service.session, service.name)
        assert session.device.startswith("API key gatehouse_")
        assert [it.name for it in service.sessions.ListSessions().sessions] == [session.name]
        with refused(PERMISSION_DENIED, reason="PERMISSION_MISSING"):
            ada.sessions.ListSessions(subject=service.name)


def test_a_service_has_no_password_to_change(gatehouse: House) -> None:
    service = gatehouse.new_service()
    with refused(FAILED_PRECONDITION, reason="NO_PASSWORD"):
        service.auth.ChangePassword(
            current_password="seven purple anvils sing", new_password="eleven green lanterns hum"
        )


def test_a_services_tokens_are_introspected_by_itself_and_by_who_may(
    gatehouse: House, admin: Person, ada: Person
) -> None:
    service = gatehouse.new_service()
    token = service.tokens.access_token
    for client in (service, admin):
        found = client.auth.IntrospectToken(token=token)
        assert (found.active, found.subject) == (True, service.name)
    assert not ada.auth.IntrospectToken(token=token).active
    admin.sessions.RevokeAllSessions(subject=service.name)
    assert not admin.auth.IntrospectToken(token=token).active


def test_a_services_token_is_exchanged_for_a_narrower_one(gatehouse: House) -> None:
    service = gatehouse.new_service(scopes=["users:read", "auth:read"])
    tokens = service.auth.ExchangeToken(scopes=["auth:read"]).tokens
    assert claims(tokens.access_token)["act"] == {"sub": service.name}
    assert service.bearing(tokens.access_token).auth.WhoAmI().subject == service.name
    with refused(PERMISSION_DENIED, reason="SCOPE_MISSING"):
        service.auth.ExchangeToken(scopes=["users:write"])


def test_no_secret_is_logged(
    gatehouse: House, anonymous: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    service = gatehouse.new_service()
    wrong = key_secrets.new(key_secrets.read(service.secret))
    refusal_of(anonymous, wrong)
    said = "".join(capfd.readouterr())
    assert service.secret not in said
    assert wrong not in said
