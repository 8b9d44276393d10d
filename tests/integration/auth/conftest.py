"""A provider that may forge, in the settings, and this service as its client."""

from collections.abc import Iterator

import pytest

from service.auth.oidc import RelyingParty
from service.auth.providers import Provider
from service.kernel.clock import Clock
from tests.support.forging_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    ForgingProvider,
    forging_provider,
)
from tests.support.relying import BACK


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
    return RelyingParty(settings, Clock(), at_once=1)
