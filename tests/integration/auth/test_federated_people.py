"""Whom a provider has signed in, and what of it is taken."""

from dataclasses import replace

import pytest

from service.auth.errors import Cause, FederatedLoginRefused
from service.auth.oidc import RelyingParty
from service.auth.providers import Provider
from service.kernel.clock import Clock
from tests.support.forging_provider import (
    CLIENT_SECRET,
    ForgingProvider,
)
from tests.support.relying import ADA, begun, refusal, sign_in


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
    party = RelyingParty(replace(settings, groups_claim="teams", groups=GROUPS), Clock(), at_once=1)
    forger.userinfo = {"sub": "ada"}
    assert sign_in(party, forger, ADA | {"teams": claim}).groups == set(groups)


def test_groups_that_the_id_token_lacks_are_asked_for(
    settings: Provider, forger: ForgingProvider
) -> None:
    party = RelyingParty(replace(settings, groups_claim="teams", groups=GROUPS), Clock(), at_once=1)
    forger.userinfo = {"sub": "ada", "teams": ["ops"], "email": "eve@example.org"}
    person = sign_in(party, forger)
    assert person.groups == {"groups/ops"}
    assert person.verified_email == "ada@example.org"
