"""The published keys, and the tokens that others verify with them."""

import base64
import json
from collections.abc import Callable

import jwt
import pytest
from jwt.algorithms import ECAlgorithm
from sqlalchemy.exc import DBAPIError

from service.kernel.call import Call
from service.kernel.changes import ChangeKind
from tests.support.clients import Client, Person
from tests.support.house import House
from tests.support.refusals import UNAUTHENTICATED, refused


def published(anonymous: Client) -> list[dict[str, str]]:
    keys = anonymous.auth.GetJwks().keys
    return [{f.name: value for f, value in key.ListFields()} for key in keys]


def test_a_token_verifies_with_the_published_keys(anonymous: Client, ada: Person) -> None:
    token = ada.tokens.access_token
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    [key] = [it for it in published(anonymous) if it["kid"] == header["kid"]]
    claims = jwt.decode(
        token,
        ECAlgorithm.from_jwk(json.dumps(key)),
        algorithms=["ES256"],
        audience="gatehouse",
        issuer="https://gatehouse.local",
    )
    assert (claims["sub"], claims["sid"], claims["scope"]) == (ada.name, ada.session, "*")
    assert claims["client_id"] == ada.name
    assert claims["exp"] - claims["iat"] in range(598, 601)


def test_a_published_key_says_what_it_is_for_and_nothing_private(anonymous: Client) -> None:
    for key in published(anonymous):
        assert set(key) == {"kty", "crv", "kid", "use", "alg", "x", "y"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")
        assert all(len(base64.urlsafe_b64decode(key[it] + "=")) == 32 for it in "xy")


def test_a_token_carries_no_email(ada: Person) -> None:
    body = ada.tokens.access_token.split(".")[1]
    assert b"@" not in base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


def test_private_keys_are_sealed_at_rest(gatehouse: House) -> None:
    key = gatehouse.application.services.keys.signing.private.private_numbers().private_value
    [row] = gatehouse.sql("SELECT private_key AS it FROM signing_keys")
    assert key.to_bytes(32, "big") not in bytes(row.it)


def test_a_token_dies_with_its_key(open_house: Callable[..., House]) -> None:
    gatehouse = open_house()
    admin, services = gatehouse.admin, gatehouse.application.services
    assert admin.auth.WhoAmI().subject
    with services.database.transaction(Call.internal("test")) as tx:
        tx.connection.exec_driver_sql("DELETE FROM signing_keys")
        tx.change(ChangeKind.SIGNING_KEYS, "all")
        tx.commit(None)
    with refused(UNAUTHENTICATED, reason="TOKEN_INVALID"):
        admin.auth.WhoAmI()


def test_keys_that_could_not_be_read_again_are_read_at_the_next_use(
    open_house: Callable[..., House],
) -> None:
    gatehouse = open_house()
    keys = gatehouse.application.services.keys
    gatehouse.sql("ALTER TABLE signing_keys RENAME TO elsewhere")
    keys.forget()
    with pytest.raises(DBAPIError):
        keys.all()
    gatehouse.sql("ALTER TABLE elsewhere RENAME TO signing_keys")
    gatehouse.sql("DELETE FROM signing_keys")
    assert keys.all() == []
