"""A Gatehouse with a forging provider, under several settings, and sign-ins through them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
from gatehouse.auth.v1.tokens_pb2 import Tokens

from service.auth.providers import Provider
from tests.support.clients import Client
from tests.support.databases import Databases
from tests.support.forging_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    ForgingProvider,
    forging_provider,
)
from tests.support.house import House, house, new_email, settings

BACK = "https://app.example.org/back"
OTHER_BACK = "http://127.0.0.1:7777/back"
GROUPS = {"engineering": "groups/eng", "ops": "groups/ops", "gone": "groups/gone"}


@dataclass
class Visit:
    """A sign-in that has begun, and what the browser brought back from the provider."""

    state: str
    code: str


class Federation:
    """People who sign in at the provider, known as `strict`, `linking`, `closed` and `grouped`."""

    def __init__(self, gatehouse: House, forger: ForgingProvider) -> None:
        self.house = gatehouse
        self.forger = forger

    def visit(self, provider: str = "strict", *, challenge: str = "", **claims: Any) -> Visit:
        """Begins, and signs in at the provider as somebody new unless the claims say who."""
        begun = self.house.anonymous.auth.BeginFederatedLogin(
            provider=provider, redirect_uri=BACK, code_challenge=challenge
        )
        back = self.forger.come_back(begun.authorization_url, **somebody() | claims)
        assert back["state"] == begun.state
        return Visit(**back)

    def complete(self, visit: Visit, **fields: Any) -> Tokens:
        """The tokens that the service gives."""
        answer = self.house.anonymous.auth.CompleteFederatedLogin(
            state=visit.state, code=visit.code, **fields
        )
        return answer.tokens

    def sign_in(self, provider: str = "strict", **claims: Any) -> Client:
        """All the way; who has signed in."""
        tokens = self.complete(self.visit(provider, **claims))
        return self.house.anonymous.bearing(tokens.access_token)

    def causes(self) -> list[tuple[str, str, str]]:
        """Of each refused sign-in at the provider: whom it was about, at which, and why."""
        rows = self.house.sql(
            "SELECT subject, data FROM events WHERE type = 'gatehouse.auth.sign_in_refused'"
            " AND data ? 'cause' ORDER BY position"
        )
        return [(row.subject, row.data["provider"], row.data["cause"]) for row in rows]


@pytest.fixture(scope="module")
def running_federation(databases: Databases) -> Iterator[Federation]:
    with forging_provider() as forger:
        chosen = settings(oidc_providers=providers(forger))
        with house(databases.new(), chosen) as running:
            yield Federation(running, forger)


@pytest.fixture
def federation(running_federation: Federation) -> Federation:
    """The same for each test of a file; the provider is honest again."""
    running_federation.forger.be_honest()
    return running_federation


def providers(forger: ForgingProvider) -> tuple[Provider, ...]:
    """One provider, believed to different degrees."""
    strict = Provider(
        id="strict",
        issuer=forger.issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uris=(BACK, OTHER_BACK),
    )
    return (
        strict,
        replace(strict, id="linking", link_verified_email=True),
        replace(strict, id="closed", create_users=False),
        replace(strict, id="grouped", groups_claim="teams", groups=GROUPS),
    )


def somebody() -> dict[str, Any]:
    """The claims of somebody new."""
    return {"sub": uuid4().hex, "email": new_email(), "email_verified": True, "name": "Ada"}
