"""What people are written: plain text, with nothing in its headers that is not ours."""

from datetime import timedelta
from email import message_from_string
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8, default
from email.utils import parsedate_to_datetime

import pytest

from service.mail.errors import Refused
from service.mail.messages import Messages
from tests.support.mailbox import read, token_in

TOKEN = "t-_" * 14 + "x"
SENDER = Address("Example", "no-reply", "example.org")
PAGES = Messages(
    SENDER,
    reset_page="https://app.example.org/#reset={token}",
    verification_page="https://app.example.org/verify?t={token}&from=mail",
)
NO_PAGES = Messages(SENDER, reset_page=None, verification_page=None)
HALF_AN_HOUR, A_DAY = timedelta(minutes=30), timedelta(hours=24)


def lines(message: EmailMessage) -> list[str]:
    return [it.strip() for it in read(bytes(message)).get_content().splitlines()]


def as_sent(message: EmailMessage) -> EmailMessage:
    """As the reader has it; addresses beyond ASCII are sent as they stand (RFC 6532)."""
    sent = message.as_bytes(policy=SMTPUTF8).decode()
    received = message_from_string(sent, policy=default)
    assert isinstance(received, EmailMessage)
    return received


def test_the_headers_say_that_no_person_wrote_it() -> None:
    message = read(bytes(NO_PAGES.password_reset("ada@example.org", TOKEN, HALF_AN_HOUR)))
    assert message["From"] == "Example <no-reply@example.org>"
    assert message["To"] == "ada@example.org"
    assert message["Subject"] == "Set a new password"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.org>")
    assert parsedate_to_datetime(message["Date"])
    assert message.get_content_type() == "text/plain"


def test_each_message_has_an_id_of_its_own() -> None:
    ids = {
        NO_PAGES.password_reset("ada@example.org", TOKEN, HALF_AN_HOUR)["Message-ID"]
        for _ in range(3)
    }
    assert len(ids) == 3


def test_without_a_page_it_shows_the_token() -> None:
    assert TOKEN in lines(NO_PAGES.password_reset("ada@example.org", TOKEN, HALF_AN_HOUR))
    assert TOKEN in lines(NO_PAGES.email_verification("ada@example.org", TOKEN, A_DAY))


def test_with_one_it_shows_the_link_on_a_line_of_its_own() -> None:
    reset = PAGES.password_reset("ada@example.org", TOKEN, HALF_AN_HOUR)
    assert f"https://app.example.org/#reset={TOKEN}" in lines(reset)
    verification = PAGES.email_verification("ada@example.org", TOKEN, A_DAY)
    assert f"https://app.example.org/verify?t={TOKEN}&from=mail" in lines(verification)


@pytest.mark.parametrize(
    ("message", "lifetime"),
    [
        (NO_PAGES.password_reset("ada@example.org", TOKEN, HALF_AN_HOUR), "30 minutes"),
        (NO_PAGES.email_verification("ada@example.org", TOKEN, A_DAY), "24 hours"),
    ],
)
def test_it_says_how_long_that_is_good_and_what_else_to_do(
    message: EmailMessage, lifetime: str
) -> None:
    told = " ".join(lines(message))
    assert f"once, and within {lifetime}." in told
    assert "If it was not you" in told or "If you have no such account" in told
    assert "$" not in told
    assert max(map(len, lines(message))) < 80


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org\nBcc: eve@example.org",
        "ada\r@example.org",
        "ada@example.org eve@example.org",
        "ada\0@example.org",
        "ada@exam\u2028ple.org",
        "ada",
        "@example.org",
        "ada@",
        "",
        "a" * 243 + "@example.org",
        "=?utf-8?q?eve?=@example.org",
        "=?utf-8?q?eve=40example=2Eorg=2C?=@example.com",
        "=?utf-8?b?w6k=?=é@example.org",
        "ada@=?utf-8?q?example?=.org",
        "ada@exam(x)ple.org",
        "ada@=?utf-8?b?..?=",
        "ada@[@?",
        "ada@example.org,eve",
    ],
)
def test_what_is_no_address_gets_no_mail_and_is_not_repeated(address: str) -> None:
    with pytest.raises(Refused) as caught:
        NO_PAGES.password_reset(address, TOKEN, HALF_AN_HOUR)
    assert str(caught.value) == "what the account has for an address is none"


@pytest.mark.parametrize(
    "address",
    [
        "ada,eve@example.org",
        "<ada>@example.org",
        'a"b@example.org',
        "a;b:c@example.org",
        "ada?=b@example.org",
        "ädá@straße.example",
        "é" * 30 + "@example.org",
    ],
)
def test_an_odd_address_stays_one(address: str) -> None:
    message = NO_PAGES.password_reset(address, TOKEN, HALF_AN_HOUR)
    [to] = as_sent(message)["To"].addresses
    local, _, domain = address.rpartition("@")
    assert (to.username, to.domain) == (local, domain)


def test_the_token_can_be_found_again() -> None:
    assert token_in(read(bytes(PAGES.password_reset("a@b.org", TOKEN, HALF_AN_HOUR)))) == TOKEN
