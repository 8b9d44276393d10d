"""Which URLs a webhook may have."""

import pytest

from service.kernel.errors import InvalidArgument
from service.webhooks.urls import require_url

GOOD = [
    "https://example.com",
    "https://example.com/",
    "https://example.com:8443/hooks?token=a%20b",
    "https://xn--bcher-kva.example/hooks",
    "https://my_service.example.com/",
    "https://example.com./",
    "https://1e100.net/",
    "https://1.1.1.1/",
    "https://[2606:4700:4700::1111]/hooks",
]
# What leads to something private, or may, in all the ways that one can write.
PRIVATE = [
    "https://127.0.0.1/",
    "https://10.1.2.3:8443/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0.0.0.0/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[64:ff9b::7f00:1]/",
]
NEVER = [
    "",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0x/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://1.2.3.4.5/",
    "https://256.1.1.1/",
    "https://example.1/",
    "https://example.0x1/",
    "https://[::1/",
    "https://::1/",
    "https://[1.1.1.1]/",
    "https://[fe80::1-eth0]/",
    "https://a]b/",
    "https://example.com:0/",
    "https://example.com:/",
    "https://example.com:65536/",
    "https://example.com:abc/",
    "https://example.com:80:80/",
    "https://-example.com/",
    "https://exa..mple.com/",
    "https://.example.com/",
    "https://./",
    "https://~/",
    f"https://{'a' * 64}.com/",
    f"https://{'a.' * 130}com/",
]


def problem_of(url: str, *, allow_private: bool = False) -> str:
    """What is said of it."""
    with pytest.raises(InvalidArgument) as refusal:
        require_url(url, allow_private=allow_private)
    [violation] = refusal.value.violations
    assert violation.field == "webhook.url"
    return violation.description


@pytest.mark.parametrize("url", GOOD)
def test_a_url_that_leads_to_the_internet_is_taken(url: str) -> None:
    require_url(url, allow_private=False)


@pytest.mark.parametrize("url", PRIVATE)
def test_an_address_that_is_not_public_is_only_taken_where_that_is_allowed(url: str) -> None:
    assert "private" in problem_of(url)
    require_url(url, allow_private=True)


@pytest.mark.parametrize("url", NEVER)
def test_what_is_no_host_or_port_is_never_taken(url: str) -> None:
    problem_of(url)
    problem_of(url, allow_private=True)


def test_http_is_only_taken_where_that_is_allowed() -> None:
    assert "https://" in problem_of("http://example.com/")
    require_url("http://127.0.0.1:8080/", allow_private=True)
    require_url("http://receiver/", allow_private=True)
