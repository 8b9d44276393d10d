"""How often one may try to sign in: for each address, and for each account.

Counted in Redis for all replicas; while Redis is away, in this process and more strictly. An
address that has signed in to the account before has an account's count of its own, so that whoever
guesses from elsewhere cannot lock its owner out.
"""

from datetime import timedelta

import redis
import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from service.auth.errors import SignInThrottled
from service.kernel.clock import Clock
from service.kernel.crypto import KeyRing
from service.kernel.emails import comparable

_KNOWN_FOR = timedelta(days=90)
_STRICTER = 4

log = structlog.get_logger("gatehouse.throttle")


class SignInThrottle:
    """Counts sign-ins: at most `count` in any `seconds`."""

    def __init__(
        self, client: redis.Redis, *, count: int, seconds: int, ring: KeyRing, clock: Clock
    ) -> None:
        self._client = client
        self._ring = ring
        self._clock = clock
        self._rate = RateLimitItemPerSecond(count, seconds)
        shared = RedisStorage("redis://", connection_pool=client.connection_pool)
        self._shared = SlidingWindowCounterRateLimiter(shared)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._strict = RateLimitItemPerSecond(max(1, count // _STRICTER), seconds)

    def admit(self, email: str, address: str) -> None:
        """Counts a try. Raises SignInThrottled with the time after which the next may succeed."""
        account = self._account(email)
        try:
            known = bool(self._client.exists(self._known(account, address)))
            keys = self._keys(account, address, known=known)
            self._take(self._shared, self._rate, keys)
        except redis.RedisError as error:
            log.debug("sign-ins counted in this process", why=str(error))
            keys = self._keys(account, address, known=False)
            self._take(self._own, self._strict, keys)

    def admit_address(self, address: str) -> None:
        """The same for who names no account yet."""
        self._admit([self._by_address(address)])

    def admit_mail(self, email: str, address: str) -> None:
        """The same for who asks for a mail.

        Counted by itself, or by asking for mails one could keep the account's owner from signing
        in; and alike from everywhere, or it would tell from where they sign in.
        """
        self._admit([self._by_address(address), f"mail:{self._account(email)}"])

    def welcome(self, email: str, address: str) -> None:
        """Notes that the account's owner signs in from this address."""
        try:
            self._client.set(self._known(self._account(email), address), b"1", ex=_KNOWN_FOR)
        except redis.RedisError as error:
            log.debug("a known address was not kept", why=str(error))

    def _admit(self, keys: list[str]) -> None:
        try:
            self._take(self._shared, self._rate, keys)
        except redis.RedisError as error:
            log.debug("sign-ins counted in this process", why=str(error))
            self._take(self._own, self._strict, keys)

    def _take(
        self,
        limiter: SlidingWindowCounterRateLimiter | MovingWindowRateLimiter,
        rate: RateLimitItem,
        keys: list[str],
    ) -> None:
        for key in keys:
            if not limiter.hit(rate, key):
                reset = limiter.get_window_stats(rate, key).reset_time
                raise SignInThrottled(max(1.0, min(reset - self._now(), rate.get_expiry())))

    def _now(self) -> float:
        return self._clock.timestamp()

    def _keys(self, account: str, address: str, *, known: bool) -> list[str]:
        by_account = f"account:{account}:{self._index(address)}" if known else f"account:{account}"
        return [self._by_address(address), by_account]

    def _by_address(self, address: str) -> str:
        return f"address:{self._index(address)}"

    def _account(self, email: str) -> str:
        return self._index(comparable(email))

    def _known(self, account: str, address: str) -> str:
        return f"gatehouse:known:{account}:{self._index(address)}"

    def _index(self, value: str) -> str:
        """E-mails and addresses are personal, so Redis sees a blind index of them."""
        return self._ring.blind_index(value, "throttle").hex()[:32]
