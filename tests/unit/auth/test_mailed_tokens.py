"""Which job may make a token, and what is kept of a request until it does."""

import re
from base64 import b64decode, b64encode
from datetime import timedelta

import pytest

from service.auth.mail_requests import MailRequest
from service.auth.mailed_tokens import hashed, new_token
from service.auth.models import MailedToken, Purpose, may_mail
from service.kernel.crypto import CannotOpen, KeyRing

RING = KeyRing([bytes(32)])
LONG_AGO, JUST_NOW = timedelta(minutes=2), timedelta(seconds=119)


def sent(*, ages: list[timedelta], good: int = 9) -> list[MailedToken]:
    """By the jobs 0, 1 and so on; the first so many are still good."""
    return [MailedToken(job, age, good=job < good) for job, age in enumerate(ages)]


@pytest.mark.parametrize(
    ("before", "may"),
    [
        (sent(ages=[]), True),
        (sent(ages=[LONG_AGO]), True),
        (sent(ages=[JUST_NOW]), False),
        (sent(ages=[JUST_NOW], good=0), False),
        (sent(ages=[LONG_AGO, JUST_NOW]), False),
        (sent(ages=[JUST_NOW, LONG_AGO]), False),
        (sent(ages=[LONG_AGO] * 3), True),
        (sent(ages=[LONG_AGO] * 4), False),
        (sent(ages=[LONG_AGO] * 9, good=3), True),
    ],
)
def test_another_is_mailed_after_two_minutes_unless_four_are_good(
    before: list[MailedToken], may: bool
) -> None:
    assert may_mail(99, before) is may


def test_a_job_that_is_run_again_may_always_mail() -> None:
    assert may_mail(2, sent(ages=[JUST_NOW] * 4))


def test_a_request_comes_back_as_it_was_asked() -> None:
    asked = MailRequest(Purpose.PASSWORD_RESET, "ada@example.org", "request", "192.0.2.1")
    assert MailRequest.opened(asked.sealed(RING), RING) == asked


@pytest.mark.parametrize("email", ["a@b", "x" * 254, "x" * 1024, "\U0001f600" * 1024, '"\\' * 500])
def test_all_requests_are_of_one_length(email: str) -> None:
    requests = [
        MailRequest(Purpose.PASSWORD_RESET, email, "r" * 128, "2001:db8::" + "f" * 35),
        MailRequest(Purpose.EMAIL_VERIFICATION, "a@b", "r", ""),
    ]
    assert len({len(it.sealed(RING)) for it in requests}) == 1


def test_a_request_opens_in_its_place_alone() -> None:
    elsewhere = RING.seal(b'["PASSWORD_RESET", "a@b", "r", ""]', "users/email/x")
    with pytest.raises(CannotOpen):
        MailRequest.opened(b64encode(elsewhere).decode(), RING)


def test_nothing_of_it_shows() -> None:
    asked = MailRequest(Purpose.PASSWORD_RESET, "ada@example.org", "request", "192.0.2.1")
    assert b"ada" not in b64decode(asked.sealed(RING))
    assert "ada" not in repr(asked)
    assert "192.0.2.1" not in repr(asked)


def test_tokens_have_256_bits_and_may_stand_in_a_url() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"[\w-]{43}", it, re.ASCII) for it in tokens)
    assert {len(hashed(it)) for it in tokens} == {32}
