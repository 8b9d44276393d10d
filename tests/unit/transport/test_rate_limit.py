"""Buckets: how often a caller may call."""

from collections.abc import Callable

import pytest

from service.transport import rate_limit
from service.transport.rate_limit import RateLimited, RateLimiter


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Makes it later."""
    now = [1000.0]
    monkeypatch.setattr(rate_limit, "monotonic", lambda: now[0])

    def later(seconds: float) -> None:
        now[0] += seconds

    return later


def test_a_full_bucket_is_a_burst(pass_time: Callable[[float], None]) -> None:
    limiter = RateLimiter(count=3, seconds=60)
    for _ in range(3):
        limiter.take("users/1")
    with pytest.raises(RateLimited) as refusal:
        limiter.take("users/1")
    assert refusal.value.retry_after == pytest.approx(20.0)


def test_who_waits_as_long_as_told_is_admitted(pass_time: Callable[[float], None]) -> None:
    limiter = RateLimiter(count=1, seconds=10)
    limiter.take("users/1")
    pass_time(4.0)
    with pytest.raises(RateLimited) as refusal:
        limiter.take("users/1")
    pass_time(refusal.value.retry_after + 1e-6)
    limiter.take("users/1")


def test_being_refused_costs_nothing(pass_time: Callable[[float], None]) -> None:
    limiter = RateLimiter(count=1, seconds=10)
    limiter.take("users/1")
    for _ in range(50):
        with pytest.raises(RateLimited):
            limiter.take("users/1")
    pass_time(10.0)
    limiter.take("users/1")


def test_a_bucket_never_holds_more_than_its_count(pass_time: Callable[[float], None]) -> None:
    limiter = RateLimiter(count=2, seconds=1)
    limiter.take("users/1")
    pass_time(3600)
    limiter.take("users/1")
    limiter.take("users/1")
    with pytest.raises(RateLimited):
        limiter.take("users/1")


def test_subjects_do_not_share_a_bucket(pass_time: Callable[[float], None]) -> None:
    limiter = RateLimiter(count=1, seconds=60)
    limiter.take("users/1")
    limiter.take("users/2")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_REMEMBERED", 10)
    limiter = RateLimiter(count=1, seconds=60)
    for number in range(100):
        limiter.take(f"users/{number}")
    assert len(limiter._buckets) == 10
    with pytest.raises(RateLimited):
        limiter.take("users/99")
