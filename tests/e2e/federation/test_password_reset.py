"""A password that is reset by mail locks out who made the account to lie in wait."""

from typing import Any
from uuid import UUID

import pytest

from service.storage.database import Tx
from service.users.identities import Identities
from tests.e2e.federation.conftest import Federation, somebody
from tests.support.clients import Client
from tests.support.post import give_token
from tests.support.refusals import UNAUTHENTICATED, refused

NEW = "eleven green lanterns hum"


@pytest.fixture
def claims() -> dict[str, Any]:
    return somebody()


def reset(federation: Federation, user: str) -> None:
    token = give_token(federation.house, user)
    federation.house.anonymous.auth.ResetPassword(token=token, new_password=NEW)


def who_is(client: Client) -> str:
    return str(client.auth.WhoAmI().subject)


def changes(federation: Federation, user: str) -> list[dict[str, Any]]:
    """What the audit trail says of the user's changed passwords."""
    rows = federation.house.sql(
        "SELECT data FROM events WHERE subject = :it AND type = 'gatehouse.users.password_changed'",
        it=user,
    )
    return [row.data for row in rows]


def test_where_the_address_was_not_verified_the_identity_opens_nothing_any_more(
    federation: Federation, claims: dict[str, Any]
) -> None:
    user = who_is(federation.sign_in("strict", **claims))
    reset(federation, user)
    with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED"):
        federation.sign_in("strict", **claims)
    assert changes(federation, user) == [{"reset": True, "unlinked": [federation.forger.issuer]}]


def test_where_it_was_the_identity_stays(federation: Federation, claims: dict[str, Any]) -> None:
    user = who_is(federation.sign_in("linking", **claims))
    reset(federation, user)
    assert who_is(federation.sign_in("linking", **claims)) == user
    assert changes(federation, user) == [{"reset": True}]


def test_a_sign_in_that_is_under_way_is_locked_out_too(
    federation: Federation, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = who_is(federation.sign_in("strict", **claims))
    visit = federation.visit("strict", **claims)
    really = Identities.find_user

    def find_and_lose(identities: Identities, tx: Tx, issuer: str, subject: str) -> UUID | None:
        found = really(identities, tx, issuer, subject)
        monkeypatch.undo()
        reset(federation, user)
        return found

    monkeypatch.setattr(Identities, "find_user", find_and_lose)
    with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED"):
        federation.complete(visit)
