"""The published keys, and the tokens that others verify with them."""

import base64
import json

import jwt
from jwt.algorithms import ECAlgorithm

from tests.support.clients import Client, Person
from tests.support.house import House


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
