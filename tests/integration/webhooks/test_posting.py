"""One try over a real connection: what is connected to, and what is not whatever leads there."""

import asyncio
import ssl
from collections.abc import Callable

import pytest

from service.webhooks.models import Outcome
from service.webhooks.posting import Poster
from tests.integration.webhooks.conftest import a_message
from tests.support.receiver import Receiver, status

Resolve = Callable[..., list[str]]
NOT_PUBLIC = "The host's address is not public, and the server connects to no other."


def post(*urls: str, allow_private: bool = False) -> Outcome:
    """How the last goes of messages that are posted in turn."""

    async def posted() -> Outcome:
        async with Poster(allow_private=allow_private) as poster:
            outcomes = [await poster.post(a_message(url)) for url in urls]
        return outcomes[-1]

    return asyncio.run(posted())


@pytest.fixture
def receiver(new_receiver: Callable[..., Receiver]) -> Receiver:
    """One on loopback."""
    return new_receiver()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
    ],
)
def test_loopback_is_not_connected_to_however_it_is_written(receiver: Receiver, host: str) -> None:
    outcome = post(f"https://{host}:{receiver.port}/")
    assert outcome.code == 0
    assert outcome.error
    assert not receiver.most_open


def test_nor_is_it_by_a_name_that_leads_there(receiver: Receiver, resolve: Resolve) -> None:
    asked = resolve(["127.0.0.1"])
    assert post(f"https://hooks.example.com:{receiver.port}/").error == NOT_PUBLIC
    assert asked == ["hooks.example.com"]
    assert not receiver.most_open


def test_of_a_name_that_leads_to_both_only_what_is_public_is_tried(
    receiver: Receiver, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.webhooks.posting._SECONDS", 1.0)
    resolve(["127.0.0.1", "2001:db8::1", "::ffff:127.0.0.1", "192.0.2.1"])
    assert post(f"https://hooks.example.com:{receiver.port}/").error == NOT_PUBLIC
    assert not receiver.most_open


def test_a_name_that_leads_elsewhere_the_second_time_is_judged_by_where_it_leads(
    receiver: Receiver, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.webhooks.posting._SECONDS", 1.0)
    monkeypatch.setattr("aiohttp.connector._DNSCacheTable.expired", lambda *_: True)
    asked = resolve(["2606:4700::"], ["127.0.0.1"])
    url = f"https://hooks.example.com:{receiver.port}/"
    assert post(url, url).error == NOT_PUBLIC
    assert len(asked) == 2
    assert not receiver.most_open


def test_http_is_not_spoken(receiver: Receiver) -> None:
    outcome = post(receiver.url())
    assert "https" in outcome.error
    assert not receiver.most_open


def test_both_are_done_where_that_is_allowed(receiver: Receiver) -> None:
    assert post(receiver.url(), allow_private=True).code == 200


def test_a_certificate_is_verified(
    new_receiver: Callable[..., Receiver], tls: ssl.SSLContext
) -> None:
    receiver = new_receiver(ssl=tls)
    outcome = post(f"https://localhost:{receiver.port}/", allow_private=True)
    assert outcome.error == "The receiver's certificate is not trusted."
    assert not receiver.received


def test_so_is_the_name_in_it(
    new_receiver: Callable[..., Receiver], trusted_tls: ssl.SSLContext, resolve: Resolve
) -> None:
    receiver = new_receiver(ssl=trusted_tls)
    assert post(f"https://localhost:{receiver.port}/", allow_private=True).code == 200
    resolve(["127.0.0.1"])
    outcome = post(f"https://hooks.example.com:{receiver.port}/", allow_private=True)
    assert outcome.error == "The receiver's certificate is not trusted."
    assert len(receiver.received) == 1


def test_no_proxy_of_the_environment_is_used(
    new_receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, receiver = new_receiver(), new_receiver()
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url(""))
        monkeypatch.setenv(name.upper(), proxy.url(""))
    assert post(receiver.url(), allow_private=True).code == 200
    assert not proxy.most_open


def test_a_redirect_into_ones_own_network_is_not_followed(
    new_receiver: Callable[..., Receiver],
) -> None:
    inside = new_receiver()
    receiver = new_receiver(status(307, location=inside.url()))
    assert post(receiver.url(), allow_private=True).code == 307
    assert not inside.most_open
