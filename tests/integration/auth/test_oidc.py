"""What a provider says is believed only if it is the provider's, about this sign-in, and now."""

import base64
import gzip
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from structlog.testing import capture_logs

from service.auth.errors import Cause, FederatedLoginRefused, ProviderUnavailable
from service.auth.federated_state import BegunLogin
from service.auth.models import FederatedPerson
from service.auth.oidc import RelyingParty
from service.auth.providers import Provider
from service.kernel.clock import Clock
from tests.support.forging_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    ForgingProvider,
    Handler,
    forging_provider,
    new_key,
    says,
)

BACK = "https://app.example.org/back"
ADA = {"sub": "ada", "email": "ada@example.org", "email_verified": True, "name": "Ada"}
METADATA = "/.well-known/openid-configuration"


@pytest.fixture
def forger() -> Iterator[ForgingProvider]:
    with forging_provider() as running:
        yield running


@pytest.fixture
def settings(forger: ForgingProvider) -> Provider:
    return Provider(
        id="forger",
        issuer=forger.issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uris=(BACK,),
    )


@pytest.fixture
def party(settings: Provider) -> RelyingParty:
    return RelyingParty(settings, Clock())


def begun() -> BegunLogin:
    return BegunLogin.begin("forger", BACK, now=time.time())


def sign_in(
    party: RelyingParty,
    forger: ForgingProvider,
    claims: dict[str, Any] | None = None,
    *,
    issuer: str = "",
) -> FederatedPerson:
    login = begun()
    back = forger.come_back(party.authorization_url(login, "state"), **(claims or ADA))
    return party.redeem(login, back["code"], issuer)


def refusal(party: RelyingParty, forger: ForgingProvider, **given: Any) -> tuple[Cause, str]:
    """Why a sign-in is refused, and what the log says of it."""
    with capture_logs() as lines, pytest.raises(FederatedLoginRefused) as caught:
        sign_in(party, forger, **given)
    assert "example.org" not in str(lines)
    return caught.value.cause, "".join(line.get("why", "") for line in lines)


def unavailable(party: RelyingParty, forger: ForgingProvider) -> str:
    with pytest.raises(ProviderUnavailable) as caught:
        sign_in(party, forger)
    assert caught.value.retry_after > 0
    assert "forger" not in caught.value.message
    return caught.value.why


def test_an_honest_provider_is_believed(party: RelyingParty, forger: ForgingProvider) -> None:
    person = sign_in(party, forger)
    assert (person.issuer, person.subject) == (forger.issuer, "ada")
    assert (person.verified_email, person.display_name) == ("ada@example.org", "Ada")
    assert "ada" not in repr(person)


def test_the_secrets_of_a_sign_in_are_sent_where_they_belong(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    login = begun()
    url = party.authorization_url(login, "state")
    assert login.nonce in url
    assert "code_challenge_method=S256" in url
    assert login.verifier not in url
    assert CLIENT_SECRET not in url
    party.redeem(login, forger.come_back(url, **ADA)["code"], "")
    assert dict(forger.requests)["/token"]["code_verifier"] == login.verifier


def test_a_code_with_another_verifier_is_not_taken(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    login = begun()
    back = forger.come_back(party.authorization_url(login, "state"), **ADA)
    with pytest.raises(FederatedLoginRefused) as caught:
        party.redeem(replace(login, verifier="x" * 43), back["code"], "")
    assert caught.value.cause is Cause.CODE


@pytest.mark.parametrize("methods", [None, ["client_secret_post"], ["client_secret_basic", "x"]])
def test_the_secret_is_sent_as_the_provider_takes_it(
    party: RelyingParty, forger: ForgingProvider, methods: list[str] | None
) -> None:
    forger.metadata["token_endpoint_auth_methods_supported"] = methods
    sign_in(party, forger)
    in_form = "client_secret" in dict(forger.requests)["/token"]
    assert in_form is (methods == ["client_secret_post"])


@pytest.mark.parametrize("methods", [["client_secret_basic"], ["client_secret_post"]])
def test_a_secret_of_any_characters_is_sent(
    settings: Provider, forger: ForgingProvider, methods: list[str]
) -> None:
    forger.client_id, forger.client_secret = "a:b +c", "50% é:+/=&"
    forger.metadata["token_endpoint_auth_methods_supported"] = methods
    secrets = {"client_id": forger.client_id, "client_secret": forger.client_secret}
    sign_in(RelyingParty(replace(settings, **secrets), Clock()), forger)


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


@pytest.mark.parametrize("sub", ["x" * 256, "a\0b"])
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
        return f"{head}.{_part(claims | {'sub': 'bob'})}.{signature}"

    forger.sign = changed
    assert refusal(party, forger) == (Cause.ID_TOKEN, "bad_signature")


def test_no_signature_is_none(party: RelyingParty, forger: ForgingProvider) -> None:
    forger.sign = lambda header, claims: f"{_part({'alg': 'none'})}.{_part(claims)}."
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
        signing = f"{_part({'alg': 'HS256', 'kid': 'first'})}.{_part(claims)}"
        return f"{signing}.{_base64(hmac.digest(secret, signing.encode(), 'sha256'))}"

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
    forger.sign = lambda _header, claims: _sign_anyhow(header, claims, signed)
    cause, _ = refusal(party, forger)
    assert cause is Cause.ID_TOKEN


def test_a_header_that_is_not_known_is_passed_over(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    signed = forger.published[0]
    header = {"alg": "ES256", "kid": "first", "x": 1}
    forger.sign = lambda _header, claims: _sign_anyhow(header, claims, signed)
    sign_in(party, forger)


def test_a_key_to_encrypt_with_signs_nothing(party: RelyingParty, forger: ForgingProvider) -> None:
    key = ECKey.generate_key("P-256", {"kid": "enc", "use": "enc"})
    forger.published.append(key)
    header = {"alg": "ES256", "kid": "enc"}
    forger.sign = lambda _header, claims: _sign_anyhow(header, claims, key)
    assert refusal(party, forger) == (Cause.ID_TOKEN, "unknown key")


@pytest.mark.parametrize("issuer", ["https://elsewhere.example.org", "x"])
def test_a_browser_that_comes_from_another_provider_is_refused(
    party: RelyingParty, forger: ForgingProvider, issuer: str
) -> None:
    assert refusal(party, forger, issuer=issuer) == (Cause.ISSUER, "")
    assert forger.asked("/token") == 0


def test_a_provider_that_names_itself_must_do_so(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    forger.metadata["authorization_response_iss_parameter_supported"] = True
    assert refusal(party, forger) == (Cause.ISSUER, "")
    assert sign_in(party, forger, issuer=forger.issuer).subject == "ada"


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"issuer": None},
        {"token_endpoint": "http://idp.example.org/token"},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"token_endpoint": "https://me@idp.example.org/token"},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "http://idp.example.org/jwks"},
        {"jwks_uri": ["x"]},
        {"userinfo_endpoint": "http://idp.example.org/me"},
        {"userinfo_endpoint": "http://[::1/me"},
    ],
    ids=str,
)
def test_metadata_that_leads_elsewhere_is_not_followed(
    party: RelyingParty, forger: ForgingProvider, metadata: dict[str, Any]
) -> None:
    forger.metadata = metadata
    assert "its metadata" in unavailable(party, forger)
    assert forger.asked("/token") == 0


def test_keys_that_were_replaced_are_fetched_again(
    party: RelyingParty, forger: ForgingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    sign_in(party, forger)
    forger.published = [new_key("second")]
    cause, why = refusal(party, forger)
    assert (cause, why) == (Cause.ID_TOKEN, "unknown key")  # too soon to ask again
    monkeypatch.setattr(Clock, "timestamp", lambda self: now + 6)
    sign_in(party, forger)
    assert forger.asked("/jwks") == 2


def test_what_is_published_is_fetched_once_an_hour(
    party: RelyingParty, forger: ForgingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    for _ in range(3):
        sign_in(party, forger)
    assert (forger.asked(METADATA), forger.asked("/jwks")) == (1, 1)
    monkeypatch.setattr(Clock, "timestamp", lambda self: now + 3601)
    forger.id_token = {"iat": int(now) + 3600, "exp": int(now) + 4000}
    sign_in(party, forger)
    assert (forger.asked(METADATA), forger.asked("/jwks")) == (2, 2)


GARBAGE = [b"", b"x", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000]


@pytest.mark.parametrize("body", GARBAGE, ids=lambda it: repr(it[:8]))
@pytest.mark.parametrize("path", [METADATA, "/jwks", "/token", "/userinfo"])
def test_garbage_is_no_answer(
    party: RelyingParty, forger: ForgingProvider, path: str, body: bytes
) -> None:
    forger.answers[path] = says(200, body)
    forger.id_token = {"email": None}
    assert unavailable(party, forger)


SHARED = {"kty": "oct", "kid": "first", "k": "aHVudGVyMg"}
TO_ENCRYPT = ECKey.generate_key("P-256", {"kid": "first", "use": "enc"}).as_dict(private=False)


@pytest.mark.parametrize(
    "keys",
    [
        *(None, "x", [], ["x"], [{}], [{"kty": "EC"}], [{"kty": "EC", "crv": "P-256", "x": 1}]),
        *([SHARED], [TO_ENCRYPT]),
    ],
)
def test_keys_that_are_none_are_no_answer(
    party: RelyingParty, forger: ForgingProvider, keys: Any
) -> None:
    forger.answers["/jwks"] = says(200, json.dumps({"keys": keys}).encode())
    assert unavailable(party, forger) == "no keys"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 429, 500, 503])
@pytest.mark.parametrize("path", [METADATA, "/jwks", "/token", "/userinfo"])
def test_a_redirect_or_a_failure_is_no_answer(
    party: RelyingParty, forger: ForgingProvider, path: str, status: int
) -> None:
    forger.answers[path] = says(status, Location=f"{forger.issuer}/elsewhere")
    forger.id_token = {"email": None}
    assert unavailable(party, forger)
    assert forger.asked("/elsewhere") == 0


@pytest.mark.parametrize("path", [METADATA, "/jwks", "/token", "/userinfo"])
def test_an_answer_without_end_is_cut(
    party: RelyingParty, forger: ForgingProvider, path: str
) -> None:
    forger.answers[path] = says(200, b" " * 10_000_000)
    forger.id_token = {"email": None}
    assert unavailable(party, forger) == "more than an answer may have"


@pytest.mark.parametrize("path", [METADATA, "/jwks", "/token", "/userinfo"])
def test_an_answer_may_come_compressed_and_in_chunks(
    party: RelyingParty, forger: ForgingProvider, path: str
) -> None:
    forger.answers[path] = lambda handler: _in_chunks(handler, gzip.compress(handler.honest()))
    forger.id_token = {"email": None}
    forger.userinfo = ADA
    assert sign_in(party, forger).verified_email == "ada@example.org"


def test_an_answer_that_swells_is_cut(party: RelyingParty, forger: ForgingProvider) -> None:
    forger.answers[METADATA] = lambda handler: _in_chunks(handler, gzip.compress(bytes(10**8)))
    assert unavailable(party, forger) == "more than an answer may have"


@pytest.mark.parametrize("path", [METADATA, "/token"])
def test_an_answer_that_is_cut_is_none(
    party: RelyingParty, forger: ForgingProvider, path: str
) -> None:
    forger.answers[path] = lambda handler: handler.say(200, b"{", **{"Content-Length": "9"})
    assert unavailable(party, forger) in {"IncompleteRead", "ProtocolError", "no JSON"}


@pytest.mark.parametrize("path", [METADATA, "/token"])
def test_an_answer_that_drips_is_not_waited_for(
    party: RelyingParty, forger: ForgingProvider, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.auth.provider_http._PATIENCE", 0.2)

    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.02)

    forger.answers[path] = drip
    assert unavailable(party, forger) == "slower than an answer may be"


@pytest.mark.parametrize("path", [METADATA, "/token"])
def test_headers_that_drip_are_not_waited_for(
    party: RelyingParty, forger: ForgingProvider, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.auth.provider_http._PATIENCE", 0.2)

    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.02)
        handler.wfile.write(b"\r\n\r\n" + handler.honest())

    forger.answers[path] = drip
    assert unavailable(party, forger) == "slower than an answer may be"


def test_silence_is_not_waited_for(
    party: RelyingParty, forger: ForgingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.auth.provider_http._PATIENCE", 0.2)
    forger.answers["/jwks"] = lambda handler: time.sleep(1)
    assert unavailable(party, forger) in {"ReadTimeout", "ConnectionError"}


def test_a_provider_that_is_away_is_not_asked_by_everybody_in_turn(
    settings: Provider, forger: ForgingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    party, now = RelyingParty(settings, Clock()), time.time()
    forger.answers[METADATA] = says(503)
    for _ in range(3):
        assert unavailable(party, forger) == "status 503"
    assert forger.asked(METADATA) == 1
    del forger.answers[METADATA]
    monkeypatch.setattr(Clock, "timestamp", lambda self: now + 6)
    party.authorization_url(begun(), "state")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"error": "invalid_client"}, "invalid_client"),
        ({"error": "hunter2"}, "another error"),
        ({"error": ["x"]}, "another error"),
    ],
)
def test_a_refusal_of_us_is_the_operators_to_mend(
    party: RelyingParty, forger: ForgingProvider, answer: dict[str, Any], why: str
) -> None:
    forger.answers["/token"] = says(400, json.dumps(answer).encode())
    assert unavailable(party, forger) == f"the code is not traded: {why}"


@pytest.mark.parametrize("tokens", [{"id_token": None}, {"id_token": 7}, {"expires_in": "soon"}])
def test_tokens_that_are_none_are_no_answer(
    party: RelyingParty, forger: ForgingProvider, tokens: dict[str, Any]
) -> None:
    forger.tokens = tokens
    assert "the code is traded for" in unavailable(party, forger)


@pytest.mark.parametrize("token", ["a\nb", "€", 7, None])
def test_an_access_token_that_is_none_is_no_answer(
    party: RelyingParty, forger: ForgingProvider, token: object
) -> None:
    forger.tokens, forger.id_token = {"access_token": token}, {"email": None}
    assert unavailable(party, forger)
    assert forger.asked("/userinfo") == 0


@pytest.mark.parametrize("host", [".x", "x:99999", "x y", "xn--", "*", "a" * 64, "%"])
@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_an_address_that_cannot_be_asked_is_no_answer(
    party: RelyingParty, forger: ForgingProvider, endpoint: str, host: str
) -> None:
    forger.metadata, forger.id_token = {endpoint: f"https://{host}/"}, {"email": None}
    assert unavailable(party, forger)


def test_the_keys_are_there_before_the_code_is_traded(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    forger.answers["/jwks"] = says(503)
    assert unavailable(party, forger) == "status 503"
    assert forger.asked("/token") == 0


def test_an_address_that_the_id_token_lacks_is_asked_for(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    forger.userinfo = ADA
    person = sign_in(party, forger, {"sub": "ada"})
    assert (person.verified_email, person.display_name) == ("ada@example.org", "Ada")


def test_userinfo_about_somebody_else_is_refused(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    forger.userinfo = ADA | {"sub": "bob"}
    assert refusal(party, forger, claims={"sub": "ada"}) == (Cause.USERINFO, "")


def test_an_address_and_its_proof_are_not_put_together_from_two_places(
    party: RelyingParty, forger: ForgingProvider
) -> None:
    forger.userinfo = {"sub": "ada", "email": "ada@example.org"}
    assert sign_in(party, forger, {"sub": "ada", "email_verified": True}).verified_email == ""
    forger.userinfo = {"sub": "ada", "email_verified": True}
    claims = {"sub": "ada", "email": "ada@example.org"}
    assert sign_in(party, forger, claims).verified_email == ""


@pytest.mark.parametrize("verified", [False, None, "true", 1, [True]])
def test_an_address_is_verified_by_true_alone(
    party: RelyingParty, forger: ForgingProvider, verified: object
) -> None:
    assert sign_in(party, forger, ADA | {"email_verified": verified}).verified_email == ""


@pytest.mark.parametrize("email", ["", "ada", "a@b@c", "a b@c", 7, "a" * 65 + "@c", "a\0@c"])
def test_an_address_that_is_none_counts_for_nothing(
    party: RelyingParty, forger: ForgingProvider, email: object
) -> None:
    assert sign_in(party, forger, ADA | {"email": email}).verified_email == ""


@pytest.mark.parametrize(
    ("name", "shown"), [("A\nd\x1ba", "Ada"), (7, ""), ("x" * 300, "x" * 256), (None, "")]
)
def test_a_name_is_one_line(
    party: RelyingParty, forger: ForgingProvider, name: object, shown: str
) -> None:
    assert sign_in(party, forger, ADA | {"name": name}).display_name == shown


GROUPS = {"engineering": "groups/eng", "ops": "groups/ops"}


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        (["engineering", "cooking"], ["groups/eng"]),
        (["engineering", "ops"], ["groups/eng", "groups/ops"]),
        ([], []),
        (None, []),
        ("engineering", []),
        (["engineering", 7], []),
        ({"engineering": True}, []),
    ],
    ids=str,
)
def test_a_claim_stands_for_groups(
    settings: Provider, forger: ForgingProvider, claim: object, groups: list[str]
) -> None:
    party = RelyingParty(replace(settings, groups_claim="teams", groups=GROUPS), Clock())
    forger.userinfo = {"sub": "ada"}
    assert sign_in(party, forger, ADA | {"teams": claim}).groups == set(groups)


def test_groups_that_the_id_token_lacks_are_asked_for(
    settings: Provider, forger: ForgingProvider
) -> None:
    party = RelyingParty(replace(settings, groups_claim="teams", groups=GROUPS), Clock())
    forger.userinfo = {"sub": "ada", "teams": ["ops"], "email": "eve@example.org"}
    person = sign_in(party, forger)
    assert person.groups == {"groups/ops"}
    assert person.verified_email == "ada@example.org"


def _in_chunks(handler: Handler, body: bytes) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    for at in range(0, len(body), 1000):
        part = body[at : at + 1000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
    handler.wfile.write(b"0\r\n\r\n")
    handler.close_connection = True


def _part(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _sign_anyhow(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    """Signs whatever the header says."""
    signing = f"{_part(header)}.{_part(claims)}"
    model = JWSRegistry.algorithms["ES256"]
    return f"{signing}.{_base64(model.sign(signing.encode(), key))}"
