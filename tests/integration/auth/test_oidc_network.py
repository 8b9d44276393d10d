"""How an identity provider is reached: over TLS that is verified, and by an operator's network."""

import ssl
import time
from pathlib import Path

import pytest

from service.auth.errors import FederatedLoginRefused, ProviderUnavailable
from service.auth.federated_state import BegunLogin
from service.auth.oidc import RelyingParty
from service.auth.providers import Provider
from service.kernel.clock import Clock
from tests.integration.ops.conftest import Authority
from tests.support.forging_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    ForgingProvider,
    Handler,
    forging_provider,
)

BACK = "https://app.example.org/back"
METADATA = "/.well-known/openid-configuration"


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    """A server's, with a certificate for localhost."""
    pair = authority.issue()
    (tmp_path / "pair.pem").write_bytes(pair.cert + pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "pair.pem")
    return context


@pytest.fixture
def trusted(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is one that the operator trusts."""
    (tmp_path / "ca.pem").write_bytes(authority.cert)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))


def sign_in(forger: ForgingProvider) -> str:
    party = RelyingParty(
        Provider(
            id="forger",
            issuer=forger.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            redirect_uris=(BACK,),
        ),
        Clock(),
        at_once=1,
    )
    login = BegunLogin.begin("forger", BACK, now=time.time())
    back = forger.come_back(party.authorization_url(login, "state"), sub="ada", email="a@b.c")
    return party.redeem(login, back["code"], "").subject


def unavailable(forger: ForgingProvider) -> str:
    with pytest.raises(ProviderUnavailable) as caught:
        sign_in(forger)
    return caught.value.why


@pytest.mark.usefixtures("trusted")
def test_a_provider_is_asked_over_tls(tls: ssl.SSLContext) -> None:
    with forging_provider(tls) as forger:
        assert sign_in(forger) == "ada"


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tls: ssl.SSLContext) -> None:
    with forging_provider(tls) as forger:
        assert unavailable(forger) == "SSLError"
        assert forger.requests == []


@pytest.mark.usefixtures("trusted")
def test_headers_that_drip_over_tls_are_not_waited_for(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.auth.provider_http._PATIENCE", 0.3)

    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.02)
        handler.wfile.write(b"\r\n\r\n" + handler.honest())

    with forging_provider(tls) as forger:
        forger.answers["/token"] = drip
        assert unavailable(forger)


def test_nobody_there_is_told_as_such() -> None:
    with forging_provider() as forger:
        pass
    assert unavailable(forger) == "ConnectionError"


def test_an_operators_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with forging_provider() as forger, forging_provider() as proxy:
        monkeypatch.setenv("http_proxy", proxy.issuer)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        proxy.metadata = {"issuer": forger.issuer}
        with pytest.raises(FederatedLoginRefused):  # the proxy knows no such code
            sign_in(forger)
        assert (proxy.asked(METADATA), proxy.asked("/jwks"), proxy.asked("/token")) == (1, 1, 1)
        assert forger.requests == []
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert sign_in(forger) == "ada"


def test_passwords_of_the_operators_own_are_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login root password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent = []

    def listen(handler: Handler) -> None:
        sent.append(handler.headers["Authorization"])
        handler.say(200, handler.honest())

    with forging_provider() as forger:
        forger.answers = {METADATA: listen, "/jwks": listen}
        assert sign_in(forger) == "ada"
    assert sent == [None, None]
