"""The whole way through a provider that knows nothing of us, in a process of its own."""

from collections.abc import Callable, Iterator

import pytest

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


def test_who_signs_in_at_the_provider_is_signed_in_here(
    house: House, provider: ProviderProcess
) -> None:
    provider.know("ada", email=new_email(), email_verified=True, name="Ada Lovelace")
    auth = house.anonymous.auth
    begun = auth.BeginFederatedLogin(provider="real", redirect_uri=BACK)
    back = come_back(begun.authorization_url, person="ada")
    assert back["state"] == begun.state
    tokens = auth.CompleteFederatedLogin(state=back["state"], code=back["code"]).tokens
    me = house.anonymous.bearing(tokens.access_token).auth.WhoAmI()
    assert (me.display_name, list(me.scopes)) == ("Ada Lovelace", ["*"])
    again = auth.RefreshToken(refresh_token=tokens.refresh_token).tokens
    assert again.session == tokens.session


def test_the_same_person_is_the_same_user_next_time(
    house: House, provider: ProviderProcess
) -> None:
    provider.know("bob", email=new_email(), email_verified=True)
    auth = house.anonymous.auth
    subjects = set()
    for _ in range(2):
        begun = auth.BeginFederatedLogin(provider="real", redirect_uri=BACK)
        back = come_back(begun.authorization_url, person="bob")
        tokens = auth.CompleteFederatedLogin(state=back["state"], code=back["code"]).tokens
        subjects.add(house.anonymous.bearing(tokens.access_token).auth.WhoAmI().subject)
    assert len(subjects) == 1


def test_a_code_is_traded_once(house: House, provider: ProviderProcess) -> None:
    provider.know("eve", email=new_email(), email_verified=True)
    auth = house.anonymous.auth
    begun = auth.BeginFederatedLogin(provider="real", redirect_uri=BACK)
    back = come_back(begun.authorization_url, person="eve")
    auth.CompleteFederatedLogin(state=back["state"], code=back["code"])
    other = auth.BeginFederatedLogin(provider="real", redirect_uri=BACK)
    for state in (back["state"], other.state):
        with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED"):
            auth.CompleteFederatedLogin(state=state, code=back["code"])
