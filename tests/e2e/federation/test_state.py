"""What a sign-in begins with is good once, for ten minutes, and for nothing else."""

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest

from service.auth import federated_state
from service.auth.federated_state import BegunLogin
from service.storage.retention import purge
from tests.e2e.federation.conftest import BACK, OTHER_BACK, Federation, Visit, somebody
from tests.support.databases import RING
from tests.support.house import House
from tests.support.refusals import INVALID_ARGUMENT, UNAUTHENTICATED, refused

# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def begun(federation: Federation) -> tuple[BegunLogin, Visit]:
    visit = federation.visit()
    now = federation.house.application.services.clock.timestamp()
    login, _ = federated_state.unseal(visit.state, RING, now=now)
    return login, visit


def is_refused(federation: Federation, visit: Visit, cause: str, **fields: str) -> None:
    with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED") as refusal:
        federation.complete(visit, **fields)
    assert refusal.message == "The sign-in at the identity provider was refused; begin again."
    assert refusal.metadata == {}
    assert federation.causes()[-1][2] == cause


def test_beginning_keeps_nothing(federation: Federation) -> None:
    kept = (
        "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM changes),"
        " (SELECT count(*) FROM used_states), (SELECT count(*) FROM requests)"
    )
    before = federation.house.sql(kept)
    for _ in range(3):
        federation.visit()
    assert federation.house.sql(kept) == before


def test_a_state_tells_nothing(federation: Federation) -> None:
    login, visit = begun(federation)
    told = base64.urlsafe_b64decode(visit.state + "==")
    for secret in (login.nonce, login.verifier, login.redirect_uri):
        assert secret.encode() not in told
    assert login.nonce not in repr(login)
    assert login.verifier not in repr(login)


@pytest.mark.parametrize("provider", ["nobody", "Strict", "strict "])
def test_a_provider_that_is_none_is_refused(federation: Federation, provider: str) -> None:
    with refused(INVALID_ARGUMENT, reason="UNKNOWN_PROVIDER", fields={"provider"}):
        federation.house.anonymous.auth.BeginFederatedLogin(provider=provider, redirect_uri=BACK)


def test_without_providers_there_is_none(gatehouse: House) -> None:
    with refused(INVALID_ARGUMENT, reason="UNKNOWN_PROVIDER", fields={"provider"}):
        gatehouse.anonymous.auth.BeginFederatedLogin(provider="strict", redirect_uri=BACK)
    with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED"):
        gatehouse.anonymous.auth.CompleteFederatedLogin(state="x", code="x")


@pytest.mark.parametrize(
    "uri", [f"{BACK}/", f"{BACK}?x", BACK.upper(), "https://evil.example.org/back", "/back"]
)
def test_a_browser_is_sent_back_to_the_settings_addresses_alone(
    federation: Federation, uri: str
) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"redirect_uri"}):
        federation.house.anonymous.auth.BeginFederatedLogin(provider="strict", redirect_uri=uri)
    federation.house.anonymous.auth.BeginFederatedLogin(provider="strict", redirect_uri=OTHER_BACK)


@pytest.mark.parametrize("state", ["x", "é", "AAAA", "A" * 4096, " ", "====", "e30.e30.e30"])
def test_a_state_that_is_none_is_refused(federation: Federation, state: str) -> None:
    is_refused(federation, Visit(state, "code"), "state")
    assert federation.forger.asked("/token") == 0


def test_a_state_that_was_changed_is_refused(federation: Federation) -> None:
    visit = federation.visit()
    at = len(visit.state) // 2
    changed = "A" if visit.state[at] != "A" else "B"
    forged = visit.state[:at] + changed + visit.state[at + 1 :]
    is_refused(federation, replace(visit, state=forged), "state")
    federation.complete(visit)


def test_what_else_the_service_seals_is_no_state(federation: Federation) -> None:
    sealed = RING.seal(b'{"provider": "strict"}', "users/email/1")
    state = base64.urlsafe_b64encode(sealed).decode()
    is_refused(federation, Visit(state, "code"), "state")


def test_a_state_is_good_for_ten_minutes(federation: Federation) -> None:
    login, visit = begun(federation)
    now = federation.house.application.services.clock.timestamp()
    assert login.expires == pytest.approx(now + 600, abs=60)
    old = federated_state.seal(replace(login, expires=now - 1), RING)
    is_refused(federation, replace(visit, state=old), "state")


@pytest.mark.parametrize(
    "change", [{"provider": "nobody"}, {"redirect_uri": "https://once.example.org/back"}]
)
def test_a_state_of_what_the_settings_name_no_longer_is_refused(
    federation: Federation, change: dict[str, str]
) -> None:
    login, visit = begun(federation)
    old = federated_state.seal(replace(login, **change), RING)
    is_refused(federation, replace(visit, state=old), "state")


def test_a_state_of_another_version_is_refused(federation: Federation) -> None:
    sealed = RING.seal(b'{"provider": "strict"}', "auth/federated_state")
    state = base64.urlsafe_b64encode(sealed).decode()
    is_refused(federation, Visit(state, "code"), "state")


def test_whoever_began_with_a_challenge_ends_with_its_secret(federation: Federation) -> None:
    federation.complete(federation.visit(challenge=CHALLENGE), code_verifier=VERIFIER)


@pytest.mark.parametrize("verifier", ["", "x" * 43, CHALLENGE], ids=["none", "another", "public"])
def test_whoever_has_seen_the_browser_come_back_lacks_the_secret(
    federation: Federation, verifier: str
) -> None:
    visit = federation.visit(challenge=CHALLENGE)
    is_refused(federation, visit, "verifier", code_verifier=verifier)
    assert federation.forger.asked("/token") == 0
    federation.complete(visit, code_verifier=VERIFIER)


def test_a_state_that_began_without_a_challenge_is_not_ended_with_a_secret(
    federation: Federation,
) -> None:
    is_refused(federation, federation.visit(), "verifier", code_verifier=VERIFIER)


@pytest.mark.parametrize("challenge", ["x", CHALLENGE + "=", CHALLENGE[:-1] + "+"])
def test_a_challenge_that_is_none_is_refused(federation: Federation, challenge: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"code_challenge"}):
        federation.visit(challenge=challenge)


@pytest.mark.parametrize("verifier", ["x" * 42, "x" * 129, "é" * 43, "+" * 43])
def test_a_verifier_that_is_none_is_refused(federation: Federation, verifier: str) -> None:
    with refused(INVALID_ARGUMENT, reason="INVALID_FIELDS", fields={"code_verifier"}):
        federation.complete(federation.visit(), code_verifier=verifier)


def test_a_state_is_good_once(federation: Federation) -> None:
    federation.forger.reuses_codes = True
    visit = federation.visit()
    federation.complete(visit)
    is_refused(federation, visit, "state_used")


def test_a_state_written_otherwise_is_the_same_state(federation: Federation) -> None:
    federation.forger.reuses_codes = True
    visit = federation.visit()
    federation.complete(visit)
    is_refused(federation, replace(visit, state=visit.state + "="), "state_used")
    spread = f"{visit.state[:9]}\n\n\n\n{visit.state[9:]}"
    is_refused(federation, replace(visit, state=spread), "state_used")


def test_of_many_at_once_with_one_state_one_is_signed_in(federation: Federation) -> None:
    federation.forger.reuses_codes = True
    visit = federation.visit()

    def attempt(_: int) -> str:
        try:
            return federation.complete(visit).session
        except grpc.RpcError:
            return ""

    with ThreadPoolExecutor(8) as threads:
        sessions = list(threads.map(attempt, range(8)))
    assert len([session for session in sessions if session]) == 1


def test_a_code_of_another_sign_in_is_refused(federation: Federation) -> None:
    mine, theirs = federation.visit(), federation.visit()
    is_refused(federation, Visit(mine.state, theirs.code), "code")


def test_a_code_for_another_address_is_refused(federation: Federation) -> None:
    begun = federation.house.anonymous.auth.BeginFederatedLogin(
        provider="strict", redirect_uri=OTHER_BACK
    )
    code = federation.forger.come_back(begun.authorization_url, **somebody())["code"]
    is_refused(federation, replace(federation.visit(), code=code), "code")


def test_a_browser_from_another_provider_is_refused(federation: Federation) -> None:
    visit = federation.visit()
    is_refused(federation, visit, "issuer", issuer="https://evil.example.org")
    federation.complete(visit, issuer=federation.forger.issuer)


def test_used_states_are_deleted_once_they_have_expired(federation: Federation) -> None:
    federation.complete(federation.visit())
    kept = federation.house.sql("SELECT count(*) AS it FROM used_states")[0].it
    database = federation.house.application.services.database
    assert purge(database)["used_states"] == 0
    federation.house.sql("UPDATE used_states SET expire_time = now() - interval '61 minutes'")
    assert purge(database)["used_states"] == kept
