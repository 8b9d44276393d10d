"""Sign-ins at a provider as the protocol has them, without a server."""

import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.auth.errors import Cause, FederatedLoginRefused, ProviderUnavailable
from service.auth.federated_state import BegunLogin
from service.auth.models import FederatedPerson
from service.auth.oidc import RelyingParty
from tests.support.forging_provider import ForgingProvider

BACK = "https://app.example.org/back"
ADA = {"sub": "ada", "email": "ada@example.org", "email_verified": True, "name": "Ada"}


def begun() -> BegunLogin:
    """A sign-in that begins now."""
    return BegunLogin.begin("forger", BACK, now=time.time())


def sign_in(
    party: RelyingParty,
    forger: ForgingProvider,
    claims: dict[str, Any] | None = None,
    *,
    issuer: str = "",
) -> FederatedPerson:
    """All the way, as somebody of whom the claims are true."""
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
    """Why the provider cannot be used, as the log is told."""
    with pytest.raises(ProviderUnavailable) as caught:
        sign_in(party, forger)
    assert caught.value.retry_after > 0
    assert "forger" not in caught.value.message
    return caught.value.why
