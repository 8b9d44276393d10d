"""Redis: a client that fails fast, because nothing that must be right depends on it."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_TIMEOUT = 0.25


def create_redis(url: str, *, pool_size: int) -> redis.Redis:
    """A client that gives up after a quarter of a second and never sends a command twice.

    Retries are off because a retried INCR counts twice.
    """
    client: redis.Redis = redis.Redis.from_url(
        url,
        max_connections=pool_size,
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        protocol=3,
    )
    return client


def require_answer(client: redis.Redis) -> None:
    """Makes sure that Redis answers us. Raises ConnectionError that says why not."""
    try:
        client.ping()
    except redis.RedisError as error:
        raise ConnectionError(str(error)) from None
