"""What a provider answers is used only if it can be, and is not waited for long."""

import gzip
import json
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey

from service.auth.errors import Cause, FederatedLoginRefused, ProviderUnavailable
from service.auth.oidc import RelyingParty
from service.auth.providers import Provider
from service.kernel.clock import Clock
from tests.support.forging_provider import (
    ForgingProvider,
    Handler,
    new_key,
    says,
)
from tests.support.relying import ADA, begun, refusal, sign_in, unavailable

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
METADATA = "/.well-known/openid-configuration"


@pytest.mark.parametrize("methods", [None, ["client_secret_post"], ["client_secret_basic", "x"]])
def test_the_secret_is_sent_as_the_provider_takes_it(
    party: RelyingParty, forger: ForgingProvider, methods: list[str] | None
) -> None:
    forger.metadata["token_endpoint_auth_methods_supported"] = methods
    sign_in(party, forger)
    in_form = "client_secret" in dict(forger.requests)["/token"]
    assert in_form is (methods == ["client_secret_post"])


@pytest.mark.parametrize("methods", [["private_key_jwt"], 5, "client_secret_basic", {"x": 1}, [5]])
def test_a_secret_that_the_provider_does_not_take_is_not_sent(
    party: RelyingParty, forger: ForgingProvider, methods: object
) -> None:
    forger.metadata["token_endpoint_auth_methods_supported"] = methods
    assert "takes neither client_secret_basic nor" in unavailable(party, forger)
    assert forger.asked("/token") == 0


NONSENSE = ["\ud800", 5, -1.5, True, [], ["\ud800"], [[]], {}, {"\ud800": 1}, 10**400]


def survives(party: RelyingParty, forger: ForgingProvider) -> None:
    with suppress(FederatedLoginRefused, ProviderUnavailable):
        sign_in(party, forger, {"sub": "ada"}, issuer=forger.issuer)


@pytest.mark.parametrize("value", NONSENSE, ids=lambda it: ascii(it)[:20])
def test_nonsense_in_any_answer_is_at_worst_a_refusal(
    settings: Provider, forger: ForgingProvider, value: object
) -> None:
    believed = replace(settings, groups_claim="teams", groups={"ops": "groups/ops"})
    claims = ("iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "sub", "at_hash", "auth_time")
    for told, names in {
        "metadata": (*ENDPOINTS, "issuer", "token_endpoint_auth_methods_supported"),
        "id_token": (*claims, "amr", "acr", *ADA, "teams"),
        "header": ("alg", "kid", "typ", "crit", "jwk", "x5c", "b64"),
        "tokens": ("access_token", "token_type", "expires_in", "expires_at", "id_token", "error"),
        "userinfo": (*ADA, "teams"),
    }.items():
        for name in names:
            forger.be_honest()
            setattr(forger, told, {name: value})
            survives(RelyingParty(believed, Clock(), at_once=1), forger)


@pytest.mark.parametrize("value", NONSENSE, ids=lambda it: ascii(it)[:20])
@pytest.mark.parametrize("name", ["kty", "kid", "use", "alg", "crv", "x", "key_ops", "x5c"])
def test_nonsense_in_a_key_is_at_worst_a_refusal(
    party: RelyingParty, forger: ForgingProvider, name: str, value: object
) -> None:
    key = forger.published[0].as_dict(private=False) | {name: value}
    forger.answers["/jwks"] = says(200, json.dumps({"keys": [key]}).encode())
    survives(party, forger)


def test_as_many_wait_for_a_provider_as_may(party: RelyingParty, forger: ForgingProvider) -> None:
    with party._turn():
        assert unavailable(party, forger) == "as many wait for it as may"
    sign_in(party, forger)


@pytest.mark.parametrize("methods", [["client_secret_basic"], ["client_secret_post"]])
def test_a_secret_of_any_characters_is_sent(
    settings: Provider, forger: ForgingProvider, methods: list[str]
) -> None:
    forger.client_id, forger.client_secret = "a:b +c", "50% é:+/=&"
    forger.metadata["token_endpoint_auth_methods_supported"] = methods
    secrets = {"client_id": forger.client_id, "client_secret": forger.client_secret}
    sign_in(RelyingParty(replace(settings, **secrets), Clock(), at_once=1), forger)


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
        {"authorization_endpoint": "https://idp.example.org/?state=evil"},
        {"authorization_endpoint": "https://idp.example.org/?p=1&redirect%5Furi"},
        {"authorization_endpoint": "https://idp.example.org/\ud800"},
        {"authorization_endpoint": "https://idp.example.org/\r\nX: y"},
        {"authorization_endpoint": "https://idp.example.org/a b"},
        {"authorization_endpoint": "https://idp.example.org/#part"},
        {"authorization_endpoint": "https://idp.example.org:99999/"},
        {"authorization_endpoint": "https://idp.example.org:0/"},
        {"jwks_uri": "http://idp.example.org/jwks"},
        {"jwks_uri": ["x"]},
        {"userinfo_endpoint": "http://idp.example.org/me"},
        {"userinfo_endpoint": "http://[::1/me"},
    ],
    ids=ascii,
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
    party, now = RelyingParty(settings, Clock(), at_once=1), time.time()
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
