"""When there is another try."""

from datetime import UTC, datetime, timedelta

import pytest

from service.webhooks.schedule import LONGEST, PAUSES, asked_pause, pause_after

NOW = datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC)


def test_the_pauses_are_those_that_standard_webhooks_suggests() -> None:
    hours = [0.0, 5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    assert [0.0, *(it.total_seconds() / 3600 for it in PAUSES)] == hours


@pytest.mark.parametrize("attempts", range(1, len(PAUSES) + 1))
def test_each_is_a_tenth_longer_or_shorter_at_most_and_never_the_same(attempts: int) -> None:
    drawn = [pause_after(attempts) or timedelta(0) for _ in range(100)]
    assert len(set(drawn)) > 1
    assert min(drawn) >= PAUSES[attempts - 1] * 0.9
    assert max(drawn) <= PAUSES[attempts - 1] * 1.1


def test_after_the_tenth_try_there_is_no_other() -> None:
    assert pause_after(10) is None
    assert pause_after(11) is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("86400", 86400),
        ("Sun, 01 Feb 2026 00:00:00 GMT", 30),
        ("Sunday, 01-Feb-26 00:00:00 GMT", 30),
        ("Sun, 01 Feb 2026 00:00:00 -0000", 30),
        ("Sun Feb  1 00:00:00 2026", 30),
    ],
)
def test_a_receiver_may_ask_for_a_pause_in_seconds_or_until_a_date(said: str, seconds: int) -> None:
    assert asked_pause(said, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "said", ["86401", "9" * 400, "Mon, 01 Feb 2027 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_it_is_a_day_at_most(said: str) -> None:
    assert asked_pause(said, NOW) == LONGEST == timedelta(days=1)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "٣",
        "²",
        "Sat, 31 Jan 2026 00:00:00 GMT",
        "Sun, 99 Feb 2026 00:00:00 GMT",
        "Sun, 01 Feb 2026 00:00:00 +9999",
        "Mon, 01 Jan 0001 00:00:00 +0200",
        "Mon, 01 Jan 2020 00:00:00 +99999999999999999999",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 99999999999999999999 Jan 2020 00:00:00 GMT",
        "Mon, 01 Jan 2020 99999999999999999999:00:00 GMT",
    ],
)
def test_what_is_neither_or_is_past_asks_for_nothing(said: str) -> None:
    assert asked_pause(said, NOW) == timedelta(0)
