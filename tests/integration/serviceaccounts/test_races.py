"""Whoever ends what a key gives, and whoever signs in with it at that moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import grpc
import pytest

from service.kernel import names
from service.kernel.call import Call
from service.storage.database import Tx
from tests.support.clients import Machine, Person
from tests.support.house import House
from tests.support.refusals import UNAUTHENTICATED, read, refused

CALL = Call.internal("test")


@pytest.fixture
def service(gatehouse: House) -> Machine:
    return gatehouse.new_service()


def key_of(gatehouse: House, service: Machine) -> str:
    [key] = gatehouse.admin.service_accounts.ListApiKeys(service_account=service.name).api_keys
    name: str = key.name
    return name


@contextmanager
def held(gatehouse: House, table: str, column: str, value: object) -> Iterator[Tx]:
    """A transaction that keeps everyone else from changing a row until the block ends."""
    with gatehouse.application.services.database.transaction(CALL) as tx:
        tx.connection.exec_driver_sql(
            f"SELECT 1 FROM {table} WHERE {column} = %s FOR UPDATE", (value,)
        )
        yield tx
        tx.commit(None)


def wear_out(gatehouse: House, service: Machine) -> None:
    """The session has to be given more time at the next exchange."""
    gatehouse.sql(
        "UPDATE sessions SET token_expire_time = now() + interval '5 min'"
        " WHERE id = CAST(:id AS uuid)",
        id=service.session.removeprefix("sessions/"),
    )


def sign_in(gatehouse: House, service: Machine) -> Callable[[], Machine]:
    return lambda: gatehouse.machine(service.name, service.secret)


def living(gatehouse: House, service: Machine) -> int:
    return len(
        gatehouse.sql(
            "SELECT 1 FROM sessions WHERE subject = :it AND revoke_time IS NULL", it=service.name
        )
    )


def use(gatehouse: House, service: Machine, got: list[Machine], enough: Event) -> str:
    """Signs in again and again; answers the reason for which that ends."""
    while True:
        try:
            got.append(gatehouse.machine(service.name, service.secret))
        except grpc.RpcError as error:
            return read(error).reason
        if len(got) > 20:
            enough.set()


def test_of_a_key_that_is_revoked_while_it_is_used_no_token_works(
    gatehouse: House, admin: Person
) -> None:
    for _ in range(5):
        service = gatehouse.new_service()
        key, got, enough = key_of(gatehouse, service), [service], Event()
        with ThreadPoolExecutor(4) as threads:
            users = [threads.submit(use, gatehouse, service, got, enough) for _ in range(4)]
            assert enough.wait(20)
            admin.service_accounts.RevokeApiKey(name=key)
            assert {user.result(20) for user in users} == {"API_KEY_INVALID"}
        for one in got:
            with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
                one.auth.WhoAmI()


def test_a_token_that_is_signed_after_its_key_was_revoked_is_dead(
    gatehouse: House, admin: Person, service: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key and session were read before, and the signature comes after."""
    tokens = gatehouse.application.services.tokens
    key, issue = key_of(gatehouse, service), tokens.issue

    def late(*given: Any, **named: Any) -> Any:
        monkeypatch.undo()
        admin.service_accounts.RevokeApiKey(name=key)
        return issue(*given, **named)

    monkeypatch.setattr(tokens, "issue", late)
    token = gatehouse.machine(service.name, service.secret)
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        token.auth.WhoAmI()


def test_a_session_is_not_given_more_time_behind_the_back_of_who_revokes_the_key(
    gatehouse: House, admin: Person, service: Machine, meanwhile: Any
) -> None:
    key = key_of(gatehouse, service)
    wear_out(gatehouse, service)
    with held(gatehouse, "api_keys", "id", names.api_key_ids(key)[1]):
        revoking = meanwhile(lambda: admin.service_accounts.RevokeApiKey(name=key))
        exchange = meanwhile(sign_in(gatehouse, service))
    revoking.result()
    with refused(UNAUTHENTICATED, reason="API_KEY_INVALID"):
        exchange.result()
    assert living(gatehouse, service) == 0


def test_a_revocation_lasts_as_long_as_the_time_that_was_given_meanwhile(
    gatehouse: House, admin: Person, service: Machine, meanwhile: Any
) -> None:
    key = key_of(gatehouse, service)
    wear_out(gatehouse, service)
    with held(gatehouse, "api_keys", "id", names.api_key_ids(key)[1]):
        exchange = meanwhile(sign_in(gatehouse, service))
        revoking = meanwhile(lambda: admin.service_accounts.RevokeApiKey(name=key))
    revoking.result()
    token = exchange.result()
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        token.auth.WhoAmI()
    [change] = gatehouse.sql(
        "SELECT c.expire_time >= s.token_expire_time AS lasts FROM changes c"
        " JOIN sessions s ON 'sessions/' || s.id = c.key WHERE c.key = :it",
        it=service.session,
    )
    assert change.lasts


def test_a_session_that_is_opened_while_its_key_is_being_revoked_ends_with_it(
    gatehouse: House, admin: Person, service: Machine, meanwhile: Any
) -> None:
    key = key_of(gatehouse, service)
    admin.sessions.RevokeAllSessions(subject=service.name)
    with held(gatehouse, "api_keys", "id", names.api_key_ids(key)[1]):
        exchange = meanwhile(sign_in(gatehouse, service))
        revoking = meanwhile(lambda: admin.service_accounts.RevokeApiKey(name=key))
    revoking.result()
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        exchange.result().auth.WhoAmI()
    assert living(gatehouse, service) == 0


@pytest.mark.parametrize("end", ["suspend", "delete"])
def test_who_signs_in_while_being_suspended_or_deleted_gets_no_session(
    gatehouse: House, admin: Person, service: Machine, meanwhile: Any, end: str
) -> None:
    admin.sessions.RevokeAllSessions(subject=service.name)

    def ended() -> Any:
        if end == "delete":
            return admin.service_accounts.DeleteServiceAccount(name=service.name)
        account = {"name": service.name, "state": "STATE_SUSPENDED"}
        return admin.service_accounts.UpdateServiceAccount(service_account=account)

    with held(gatehouse, "service_accounts", "name", service.name):
        ending = meanwhile(ended)
        exchange = meanwhile(sign_in(gatehouse, service))
    ending.result()
    with refused(UNAUTHENTICATED, reason="API_KEY_INVALID"):
        exchange.result()
    assert living(gatehouse, service) == 0


def test_who_is_suspended_while_signing_in_has_no_session_left(
    gatehouse: House, admin: Person, service: Machine, meanwhile: Any
) -> None:
    """The other way round: the sign-in holds the account first."""
    admin.sessions.RevokeAllSessions(subject=service.name)
    account = {"name": service.name, "state": "STATE_SUSPENDED"}
    key = names.api_key_ids(key_of(gatehouse, service))[1]
    with held(gatehouse, "api_keys", "id", key):
        exchange = meanwhile(sign_in(gatehouse, service))
        suspending = meanwhile(
            lambda: admin.service_accounts.UpdateServiceAccount(service_account=account)
        )
    suspending.result()
    token = exchange.result()
    with refused(UNAUTHENTICATED, reason="SESSION_REVOKED"):
        token.auth.WhoAmI()
    assert living(gatehouse, service) == 0


def test_those_who_sign_in_at_once_share_the_session_that_is_opened(
    gatehouse: House, admin: Person, service: Machine, meanwhile: Any
) -> None:
    admin.sessions.RevokeAllSessions(subject=service.name)
    with held(gatehouse, "api_keys", "id", names.api_key_ids(key_of(gatehouse, service))[1]):
        exchanges = [meanwhile(sign_in(gatehouse, service)) for _ in range(4)]
    assert len({exchange.result().session for exchange in exchanges}) == 1
    assert living(gatehouse, service) == 1


def test_nobody_waits_to_note_that_a_key_was_used(gatehouse: House, service: Machine) -> None:
    key = names.api_key_ids(key_of(gatehouse, service))[1]
    gatehouse.sql("UPDATE api_keys SET last_used_time = NULL WHERE id = :it", it=key)
    with held(gatehouse, "api_keys", "id", key):
        assert sign_in(gatehouse, service)().session == service.session
