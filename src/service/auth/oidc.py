"""The protocol with one identity provider: OpenID Connect's code flow, with PKCE (RFC 7636).

Wiring imports this only when there is a provider: Authlib and what it needs take 10 MB.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import quote_plus

import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from service.auth import id_token
from service.auth.errors import Cause, FederatedLoginRefused, ProviderUnavailable
from service.auth.federated_state import BegunLogin
from service.auth.id_token import IdTokenInvalid, UnknownKey
from service.auth.models import FederatedPerson
from service.auth.provider_documents import Metadata, ProviderDocuments
from service.auth.provider_http import bind, get_json
from service.auth.providers import Provider
from service.kernel.clock import Clock
from service.kernel.emails import is_address

log = structlog.get_logger("gatehouse.federation")

# RFC 6749, section 5.2. What else a provider says may be anything, and is not repeated.
_ERRORS = ("invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type")
_LONGEST_SUBJECT = 255  # OpenID Connect Core, section 2
_LONGEST_NAME = 256


class RelyingParty:
    """This service as a client of one provider, which `at_once` calls may wait for."""

    def __init__(self, provider: Provider, clock: Clock, *, at_once: int) -> None:
        self.provider = provider
        self._clock = clock
        self._turns = BoundedSemaphore(at_once)
        self._documents = ProviderDocuments(provider.issuer, clock)

    def authorization_url(self, login: BegunLogin, state: str) -> str:
        """Where the person's browser is sent. Raises ProviderUnavailable."""
        with self._turn():
            metadata = self._documents.metadata()
        with self._session(metadata) as session:
            url, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=state,
                code_verifier=login.verifier,
                nonce=login.nonce,
                redirect_uri=login.redirect_uri,
            )
        return str(url)

    def redeem(self, login: BegunLogin, code: str, issuer: str) -> FederatedPerson:
        """Whom the provider has signed in. Raises FederatedLoginRefused, ProviderUnavailable.

        `issuer` is what the browser brought back beside the code (RFC 9207), if anything.
        """
        with self._turn():
            metadata = self._documents.metadata()
            if issuer != self.provider.issuer and (issuer or metadata.sends_issuer):
                raise FederatedLoginRefused(Cause.ISSUER)
            # Before the code is traded, which can be done once: what is needed after it is there.
            self._documents.keys()
            tokens = self._trade(metadata, login, code)
            claims = self._verified(tokens["id_token"], login.nonce)
            return self._person(claims | self._lacking(claims, metadata, tokens))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Few may wait for a provider that is slow: else nobody could sign in at the others."""
        if not self._turns.acquire(blocking=False):
            raise ProviderUnavailable("as many wait for it as may")
        try:
            yield
        finally:
            self._turns.release()

    def _trade(self, metadata: Metadata, login: BegunLogin, code: str) -> dict[str, Any]:
        with self._session(metadata) as session:
            try:
                tokens = session.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=login.verifier,
                    redirect_uri=login.redirect_uri,
                )
            except OAuthError as error:
                if error.error == "invalid_grant":
                    raise FederatedLoginRefused(Cause.CODE) from None
                known = error.error if error.error in _ERRORS else "another error"
                raise ProviderUnavailable(f"the code is not traded: {known}") from None
            except (ValueError, TypeError, OSError, RecursionError):
                raise ProviderUnavailable("the code is traded for nonsense") from None
        if not isinstance(tokens.get("id_token"), str):
            raise ProviderUnavailable("the code is traded for no ID token")
        return dict(tokens)

    def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        """The ID token's claims. The keys may have been replaced since they were fetched."""
        given: dict[str, Any] = {
            "issuer": self.provider.issuer,
            "client_id": self.provider.client_id,
            "nonce": nonce,
            "now": self._clock.timestamp(),
        }
        try:
            try:
                return id_token.verify(token, self._documents.keys(), **given)
            except UnknownKey:
                return id_token.verify(token, self._documents.fresh_keys(), **given)
        except (IdTokenInvalid, UnknownKey) as error:
            why = str(error) or "unknown key"
            log.warning("ID token refused", provider=self.provider.id, why=why)
            raise FederatedLoginRefused(Cause.ID_TOKEN) from None

    def _lacking(
        self, claims: dict[str, Any], metadata: Metadata, tokens: dict[str, Any]
    ) -> dict[str, Any]:
        """Claims that are needed and not in the ID token, from the userinfo endpoint if it has any.

        An address is taken together with what is said of it, never half of it from each.
        """
        lacks_email = "email" not in claims
        lacks_groups = bool(self.provider.groups_claim) and self.provider.groups_claim not in claims
        if not (lacks_email or lacks_groups) or not metadata.userinfo_endpoint:
            return {}
        access_token = tokens.get("access_token")
        if not isinstance(access_token, str):
            raise ProviderUnavailable("the code is traded for no access token")
        found = get_json(metadata.userinfo_endpoint, token=access_token)
        if found.get("sub") != claims["sub"]:
            raise FederatedLoginRefused(Cause.USERINFO)
        taken = {"name"} - claims.keys()
        if lacks_email:
            taken |= {"email", "email_verified"}
        if lacks_groups:
            taken.add(self.provider.groups_claim)
        return {name: found.get(name) for name in taken}

    def _person(self, claims: dict[str, Any]) -> FederatedPerson:
        subject, email, name = claims["sub"], claims.get("email"), claims.get("name")
        if not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
            raise FederatedLoginRefused(Cause.ID_TOKEN)
        # Only JSON's own true, as the standard has it: what sends words may send "no".
        if claims.get("email_verified") is not True:
            email = ""
        shown = "".join(it for it in name if it.isprintable()) if isinstance(name, str) else ""
        return FederatedPerson(
            issuer=self.provider.issuer,
            subject=subject,
            verified_email=email if isinstance(email, str) and is_address(email) else "",
            display_name=shown[:_LONGEST_NAME],
            groups=self._groups(claims),
        )

    def _groups(self, claims: dict[str, Any]) -> frozenset[str]:
        """The groups that the claim stands for; a claim that is no list of strings is for none."""
        if not self.provider.groups_claim:
            return frozenset()
        values = claims.get(self.provider.groups_claim)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            log.warning("no list of groups", provider=self.provider.id)
            return frozenset()
        known = self.provider.groups
        return frozenset(known[value] for value in values if value in known)

    def _session(self, metadata: Metadata) -> OAuth2Session:
        session = OAuth2Session(
            self.provider.client_id,
            self.provider.client_secret,
            token_endpoint_auth_method=metadata.token_endpoint_auth_method,
            scope=" ".join(self.provider.scopes),
            code_challenge_method="S256",
        )
        session.register_client_auth_method(("client_secret_basic", _basic))
        bind(session)
        return session


def _basic(
    client: Any, _method: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """RFC 6749, section 2.3.1: id and secret may have any characters. Authlib sends them raw."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return uri, headers, body
