"""The sign-in throttle: shared through Redis, stricter without, and no way to lock a person out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from service.auth.errors import SignInThrottled
from service.auth.throttle import SignInThrottle
from service.kernel.clock import Clock
from service.storage.redis import create_redis
from tests.support.databases import RING, Databases
from tests.support.house import new_email

COUNT = 4


@pytest.fixture
def valkey(databases: Databases) -> Iterator[redis.Redis]:
    client = create_redis(databases.redis_url, pool_size=4)
    yield client
    client.close()


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[redis.Redis]:
    """A Redis that is not there."""
    client = create_redis(f"unix://{tmp_path}/nobody", pool_size=4)
    yield client
    client.close()


def throttle(client: redis.Redis, *, count: int = COUNT) -> SignInThrottle:
    return SignInThrottle(client, count=count, seconds=60, ring=RING, clock=Clock())


def address() -> str:
    return f"192.0.2.{uuid4().hex[:8]}"


def tries(admit: Callable[[], None], most: int = 50) -> int:
    """How many tries are admitted before one is refused."""
    for count in range(most):
        try:
            admit()
        except SignInThrottled as refusal:
            return count if 1.0 <= refusal.retry_after <= 60.0 else -1
    raise AssertionError("nothing was refused")


def test_an_account_is_tried_so_often_from_anywhere(valkey: redis.Redis) -> None:
    guard, email = throttle(valkey), new_email()
    assert tries(lambda: guard.admit(email, address())) == COUNT


def test_an_address_tries_so_often_whichever_account(valkey: redis.Redis) -> None:
    guard, here = throttle(valkey), address()
    assert tries(lambda: guard.admit(new_email(), here)) == COUNT


def test_replicas_count_together(valkey: redis.Redis) -> None:
    guards, email = [throttle(valkey), throttle(valkey)], new_email()
    assert tries(lambda: (guards.reverse(), guards[0].admit(email, address()))[0]) == COUNT


def test_one_account_does_not_use_up_another(valkey: redis.Redis) -> None:
    guard, email = throttle(valkey), new_email()
    tries(lambda: guard.admit(email, address()))
    guard.admit(new_email(), address())


def test_an_email_is_one_account_however_it_is_written(valkey: redis.Redis) -> None:
    guard, email = throttle(valkey), new_email()
    tries(lambda: guard.admit(email, address()))
    with pytest.raises(SignInThrottled):
        guard.admit(email.upper(), address())


def test_an_attacker_from_elsewhere_does_not_lock_out_a_known_address(
    valkey: redis.Redis,
) -> None:
    guard, email, home = throttle(valkey), new_email(), address()
    guard.admit(email, home)
    guard.welcome(email, home)
    tries(lambda: guard.admit(email, address()))
    guard.admit(email, home)


def test_a_known_address_is_throttled_too(valkey: redis.Redis) -> None:
    guard, email, home = throttle(valkey), new_email(), address()
    guard.welcome(email, home)
    assert tries(lambda: guard.admit(email, home)) == COUNT


def test_an_address_known_to_one_account_is_strange_to_another(valkey: redis.Redis) -> None:
    guard, email, home = throttle(valkey), new_email(), address()
    guard.welcome(new_email(), home)
    tries(lambda: guard.admit(email, address()))
    with pytest.raises(SignInThrottled):
        guard.admit(email, home)


def test_asking_for_mails_keeps_nobody_from_signing_in(valkey: redis.Redis) -> None:
    guard, email = throttle(valkey), new_email()
    assert tries(lambda: guard.admit_mail(email, address())) == COUNT
    guard.admit(email, address())


def test_asking_for_mails_does_not_tell_from_where_somebody_signs_in(valkey: redis.Redis) -> None:
    guard, email, home = throttle(valkey), new_email(), address()
    guard.welcome(email, home)
    tries(lambda: guard.admit_mail(email, address()))
    with pytest.raises(SignInThrottled):
        guard.admit_mail(email, home)


def test_without_redis_each_process_is_stricter(nowhere: redis.Redis) -> None:
    guard, email = throttle(nowhere, count=40), new_email()
    assert tries(lambda: guard.admit(email, address())) == 10


def test_without_redis_even_a_low_rate_lets_one_through(nowhere: redis.Redis) -> None:
    guard, email = throttle(nowhere, count=1), new_email()
    guard.welcome(email, address())
    assert tries(lambda: guard.admit(email, address())) == 1


def test_redis_never_sees_an_email(valkey: redis.Redis) -> None:
    guard, email = throttle(valkey), new_email("secretive")
    guard.admit(email, address())
    guard.welcome(email, address())
    assert not [key for key in valkey.scan_iter(count=1000) if b"secretive" in key]


def test_redis_never_sees_an_address(valkey: redis.Redis) -> None:
    guard, email, here = throttle(valkey), new_email(), address()
    for _ in range(2):  # as a stranger, and as one who is known
        guard.admit(email, here)
        guard.welcome(email, here)
    assert not [key for key in valkey.scan_iter(count=1000) if here.encode() in key]
