"""The whole way through a provider that knows nothing of us, in a process of its own."""

from collections.abc import Callable, Iterator

import pytest
from gatehouse.auth.v1.tokens_pb2 import Tokens

from service.auth.providers import Provider
from tests.support.browsers import come_back
from tests.support.house import House, new_email
from tests.support.provider_mock import ProviderProcess
from tests.support.refusals import UNAUTHENTICATED, refused

BACK = "https://app.example.org/back"


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderProcess]:
    running = ProviderProcess()
    yield running
    running.stop()


@pytest.fixture
def house(open_house: Callable[..., House], provider: ProviderProcess) -> House:
    ours = Provider(
        id="real",
        issuer=provider.issuer,
        client_id="gatehouse",
        client_secret="hunter2",
        redirect_uris=(BACK,),
    )
    return open_house(oidc_providers=(ours,))


def come_back_from(house: House, person: str) -> dict[str, str]:
    """Begins, and signs in there; answers what the browser brings back."""
    begun = house.anonymous.auth.BeginFederatedLogin(provider="real", redirect_uri=BACK)
    back = come_back(begun.authorization_url, person=person)
    assert back["state"] == begun.state
    return {"state": back["state"], "code": back["code"]}


def complete(house: House, back: dict[str, str]) -> Tokens:
    return house.anonymous.auth.CompleteFederatedLogin(**back).tokens


def test_who_signs_in_at_the_provider_is_signed_in_here(
    house: House, provider: ProviderProcess
) -> None:
    provider.know("ada", email=new_email(), email_verified=True, name="Ada Lovelace")
    tokens = complete(house, come_back_from(house, "ada"))
    me = house.anonymous.bearing(tokens.access_token).auth.WhoAmI()
    assert (me.display_name, list(me.scopes)) == ("Ada Lovelace", ["*"])
    again = house.anonymous.auth.RefreshToken(refresh_token=tokens.refresh_token).tokens
    assert again.session == tokens.session


def test_the_same_person_is_the_same_user_next_time(
    house: House, provider: ProviderProcess
) -> None:
    provider.know("bob", email=new_email(), email_verified=True)
    subjects = set()
    for _ in range(2):
        tokens = complete(house, come_back_from(house, "bob"))
        subjects.add(house.anonymous.bearing(tokens.access_token).auth.WhoAmI().subject)
    assert len(subjects) == 1


def test_a_code_is_traded_once(house: House, provider: ProviderProcess) -> None:
    provider.know("eve", email=new_email(), email_verified=True)
    back = come_back_from(house, "eve")
    complete(house, back)
    other = come_back_from(house, "eve")
    for state in (back["state"], other["state"]):
        with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED"):
            complete(house, back | {"state": state})
