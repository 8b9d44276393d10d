"""An ID token is believed only if it is the provider's, about this sign-in, and now."""

import hmac
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from service.auth.errors import Cause
from service.auth.oidc import RelyingParty
from tests.support.forging_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    ForgingProvider,
    base64url,
    new_key,
    part,
    sign_anyhow,
)
from tests.support.relying import refusal, sign_in


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://elsewhere.example.org"}, "invalid_claim iss"),
        ({"iss": None}, "missing_claim iss"),
        ({"aud": "another-client"}, "invalid_claim aud"),
        ({"aud": None}, "missing_claim aud"),
        ({"aud": [CLIENT_ID, "another-client"]}, "missing_claim azp"),
        ({"aud": [CLIENT_ID, "another-client"], "azp": "another-client"}, "invalid_claim azp"),
        ({"azp": "another-client"}, "invalid_claim azp"),
        ({"exp": None}, "missing_claim exp"),
        ({"exp": "tomorrow"}, "invalid_claim exp"),
        ({"iat": None}, "missing_claim iat"),
        ({"nonce": "of another sign-in"}, "another nonce"),
        ({"nonce": None}, "missing_claim nonce"),
        ({"nonce": ""}, "invalid_claim nonce"),
        ({"nonce": "\ud800"}, "malformed"),
        ({"sub": None}, "missing_claim sub"),
        ({"sub": ""}, "invalid_claim sub"),
        ({"sub": 7}, "invalid_claim sub"),
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    party: RelyingParty, forger: ForgingProvider, claims: dict[str, Any], why: str
) -> None:
    forger.id_token = claims
    assert refusal(party, forger) == (Cause.ID_TOKEN, why)


@pytest.mark.parametrize(
    ("claim", "seconds", "why"),
    [("exp", -61, "expired_token"), ("iat", 90, "invalid_claim"), ("nbf", 90, "invalid_claim")],
)
def test_an_id_token_of_another_time_is_refused(
    party: RelyingParty, forger: ForgingProvider, claim: str, seconds: int, why: str
) -> None:
    forger.id_token = {claim: int(time.time()) + seconds}
    assert refusal(party, forger) == (Cause.ID_TOKEN, f"{why} {claim}")


@pytest.mark.parametrize("sub", ["x" * 256, "a\0b", "\ud800x"], ids=ascii)
def test_a_subject_that_is_none_is_refused(
    party: RelyingParty, forger: ForgingProvider, sub: str
) -> None:
    forger.id_token = {"sub": sub}
    assert refusal(party, forger) == (Cause.ID_TOKEN, "")


def test_clocks_may_be_a_little_off(party: RelyingParty, forger: ForgingProvider) -> None:
    now = int(time.time())
    for claims in ({"exp": now - 20}, {"iat": now + 40}, {"nbf": now + 40}):
        forger.id_token = claims
        sign_in(party, forger)


def test_several_audiences_are_taken_when_we_are_the_authorized_party(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    forger.id_token = {"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID}
    sign_in(party, forger)


@pytest.mark.parametrize("kid", ["first", "unknown", None])
def test_a_signature_with_a_key_that_is_not_published_is_refused(
    party: RelyingParty, forger: ForgingProvider, kid: str | None
) -> None:
    foreign = new_key("foreign")
    header = {"alg": "ES256"} | ({"kid": kid} if kid else {})
    forger.sign = lambda _header, claims: jwt.encode(header, claims, foreign)
    cause, why = refusal(party, forger)
    assert cause is Cause.ID_TOKEN
    assert why == ("unknown key" if kid == "unknown" else "bad_signature")


def test_claims_that_were_changed_after_signing_are_refused(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    def changed(header: dict[str, Any], claims: dict[str, Any]) -> str:
        head, _, signature = forger.sign_honestly(header, claims).split(".")
        return f"{head}.{part(claims | {'sub': 'bob'})}.{signature}"

    forger.sign = changed
    assert refusal(party, forger) == (Cause.ID_TOKEN, "bad_signature")


def test_no_signature_is_none(party: RelyingParty, forger: ForgingProvider) -> None:
    forger.sign = lambda header, claims: f"{part({'alg': 'none'})}.{part(claims)}."
    assert refusal(party, forger) == (Cause.ID_TOKEN, "unsupported_algorithm")


@pytest.mark.parametrize("form", ["pem", "json", "secret"])
def test_a_shared_secret_is_no_signature(
    party: RelyingParty, forger: ForgingProvider, form: str
) -> None:
    public = forger.published[0]
    secret = {
        "pem": public.as_pem(private=False),
        "json": json.dumps(public.as_dict(private=False)).encode(),
        "secret": CLIENT_SECRET.encode(),
    }[form]

    def signed(_header: dict[str, Any], claims: dict[str, Any]) -> str:
        signing = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(claims)}"
        return f"{signing}.{base64url(hmac.digest(secret, signing.encode(), 'sha256'))}"

    forger.sign = signed
    assert refusal(party, forger) == (Cause.ID_TOKEN, "unsupported_algorithm")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSAKey.generate_key(2048, {"kid": "r"})),
        ("PS384", RSAKey.generate_key(2048, {"kid": "p"})),
        ("ES384", ECKey.generate_key("P-384", {"kid": "e"})),
        ("EdDSA", OKPKey.generate_key("Ed25519", {"kid": "o"})),
        ("Ed25519", OKPKey.generate_key("Ed25519", {"kid": "n"})),
    ],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_the_usual_algorithms_are_taken(
    party: RelyingParty, forger: ForgingProvider, algorithm: str, key: Any
) -> None:
    forger.published = [key]
    registry = JWSRegistry(algorithms=[algorithm])
    header = {"alg": algorithm, "kid": key.kid}
    forger.sign = lambda _header, claims: jwt.encode(header, claims, key, registry=registry)
    sign_in(party, forger)


@pytest.mark.parametrize("token", ["", "x", "e30.e30.e30", "a.b.c", "." * 9, "é.é.é"])
def test_what_is_no_token_is_refused(
    party: RelyingParty, forger: ForgingProvider, token: str
) -> None:
    forger.tokens = {"id_token": token}
    cause, _ = refusal(party, forger)
    assert cause is Cause.ID_TOKEN


def test_a_critical_header_that_is_not_known_is_refused(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    header = {"alg": "ES256", "kid": "first", "crit": ["x"], "x": 1}
    signed = forger.published[0]
    forger.sign = lambda _header, claims: sign_anyhow(header, claims, signed)
    cause, _ = refusal(party, forger)
    assert cause is Cause.ID_TOKEN


def test_a_header_that_is_not_known_is_passed_over(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    signed = forger.published[0]
    header = {"alg": "ES256", "kid": "first", "x": 1}
    forger.sign = lambda _header, claims: sign_anyhow(header, claims, signed)
    sign_in(party, forger)


def test_a_key_to_encrypt_with_signs_nothing(party: RelyingParty, forger: ForgingProvider) -> None:
    key = ECKey.generate_key("P-256", {"kid": "enc", "use": "enc"})
    forger.published.append(key)
    header = {"alg": "ES256", "kid": "enc"}
    forger.sign = lambda _header, claims: sign_anyhow(header, claims, key)
    assert refusal(party, forger) == (Cause.ID_TOKEN, "unknown key")
