"""A provider in trouble is nobody else's, and costs nobody their sign-in."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from gatehouse_client import connect
from service.settings import Rate
from service.wiring.services import FEDERATED
from tests.e2e.federation.conftest import BACK, Federation, providers
from tests.support.clients import Client
from tests.support.databases import Databases
from tests.support.forging_provider import Handler, forging_provider, says
from tests.support.house import house, settings
from tests.support.refusals import RESOURCE_EXHAUSTED, UNAUTHENTICATED, UNAVAILABLE, read, refused
from tests.support.waiting import wait_until


@pytest.fixture
def throttled(databases: Databases) -> Iterator[Federation]:
    with forging_provider() as forger:
        chosen = settings(oidc_providers=providers(forger), login_rate=Rate(4, 60))
        with house(databases.new(), chosen) as running:
            yield Federation(running, forger)


@pytest.fixture
def beside(databases: Databases) -> Iterator[tuple[Federation, Federation]]:
    """Two providers of one Gatehouse: `strict` is at the first, `linking` at the second."""
    with forging_provider() as one, forging_provider() as other:
        chosen = settings(oidc_providers=(providers(one)[0], providers(other)[1]))
        with house(databases.new(), chosen) as running:
            yield Federation(running, one), Federation(running, other)


def test_a_provider_that_is_away_is_told_as_such_and_the_state_stays_good(
    federation: Federation, capfd: pytest.CaptureFixture[str]
) -> None:
    visit = federation.visit()
    federation.forger.answers["/token"] = says(503, b"hunter2")
    with refused(UNAVAILABLE, reason="PROVIDER_UNAVAILABLE") as refusal:
        federation.complete(visit)
    assert refusal.retry_after == 2
    assert "hunter2" not in refusal.message
    said = "".join(capfd.readouterr())
    assert "identity provider unavailable" in said
    assert "status 503" in said
    assert visit.code not in said
    del federation.forger.answers["/token"]
    federation.complete(visit)


def test_what_a_provider_says_of_a_refusal_goes_nowhere(
    federation: Federation, capfd: pytest.CaptureFixture[str]
) -> None:
    body = b'{"error": "invalid_grant", "error_description": "<script>hunter2</script>"}'
    federation.forger.answers["/token"] = says(400, body)
    with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED") as refusal:
        federation.complete(federation.visit())
    assert "hunter2" not in refusal.message + "".join(capfd.readouterr())
    assert "hunter2" not in str(federation.house.sql("SELECT events::text FROM events"))


def test_a_code_is_traded_once_though_clients_try_again(federation: Federation) -> None:
    visit = federation.visit(email=None)
    federation.forger.answers["/userinfo"] = says(503)
    unavailable = refused(UNAVAILABLE, reason="PROVIDER_UNAVAILABLE")
    with connect(federation.house.address) as channel, unavailable:
        Client(channel).auth.CompleteFederatedLogin(state=visit.state, code=visit.code)
    assert federation.forger.asked("/token") == 1


def test_a_provider_that_hangs_holds_up_nobody_else(
    beside: tuple[Federation, Federation],
) -> None:
    hanging, healthy = beside
    released = threading.Event()

    def hang(handler: Handler) -> None:
        released.wait(20)
        says(503)(handler)

    hanging.forger.answers["/token"] = hang
    *visits, last = [hanging.visit() for _ in range(FEDERATED + 1)]
    with ThreadPoolExecutor(len(visits)) as threads:
        calls = [threads.submit(hanging.complete, visit) for visit in visits]
        try:
            half = FEDERATED // 2
            wait_until(lambda: hanging.forger.asked("/token") == half, "as many wait as may")
            with refused(UNAVAILABLE, reason="PROVIDER_UNAVAILABLE") as refusal:
                hanging.complete(last)
            assert refusal.retry_after == 2
            assert healthy.sign_in("linking").auth.WhoAmI().subject
            healthy.house.new_person()
        finally:
            released.set()
        for call in calls:
            with refused(UNAVAILABLE, reason="PROVIDER_UNAVAILABLE"):
                call.result()
    assert hanging.forger.asked("/token") == half


def test_sign_ins_are_throttled_by_address(throttled: Federation) -> None:
    throttled.complete(throttled.visit())
    auth, told = throttled.house.anonymous.auth, []
    for _ in range(10):
        with pytest.raises(grpc.RpcError) as refusal:
            auth.CompleteFederatedLogin(state="x", code="x")
        told.append(read(refusal.value).reason)
    assert set(told) == {"FEDERATED_LOGIN_REFUSED", "SIGN_IN_THROTTLED"}
    with refused(RESOURCE_EXHAUSTED, reason="SIGN_IN_THROTTLED"):
        auth.BeginFederatedLogin(provider="strict", redirect_uri=BACK)


def test_without_providers_nothing_of_the_protocol_is_loaded() -> None:
    code = "import sys, service.wiring; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "service" in loaded
    assert not loaded & {"authlib", "joserfc", "requests", "urllib3"}
