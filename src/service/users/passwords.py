"""Passwords: which are taken, and how they are hashed and checked (NIST SP 800-63B-4, 3.1.1).

Hashing runs on as many threads as there are cores, at a lower priority, so that a storm of
sign-ins does not starve the calls of those who are signed in.
"""

import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from passlib.context import CryptContext

from service.users.errors import PasswordRejected

T = TypeVar("T")

MIN_LENGTH = 15
MIN_LENGTH_WITH_SECOND_FACTOR = 8
MAX_LENGTH = 1024
_MAX_RAW_LENGTH = 4 * MAX_LENGTH  # composed (NFC), it may have become as short as that
_ESTIMATED_LENGTH = 24  # a chosen password of 72 keeps zxcvbn, and all of us, busy for 2 s
_MIN_SCORE = 3  # of 4: safe from guessing online, more than 10^8 guesses
_MIN_SCORE_WITH_SECOND_FACTOR = 2  # zxcvbn gives no more to eight characters, however random
_BCRYPT_BYTES = 72
_LOWER_PRIORITY = 10

# The first scheme is ours; the others are of imported users, and are upgraded at their sign-in.
_SCHEMES = ["bcrypt_sha256", "bcrypt", "argon2", "scrypt", "pbkdf2_sha256", "pbkdf2_sha512"]


def require_acceptable(password: str, *, about: list[str], second_factor: bool, field: str) -> None:
    """Raises PasswordRejected for a password too short, too long or easily guessed.

    `about` is what a guesser would know of the user. There are no composition rules.
    """
    if len(password) > _MAX_RAW_LENGTH:
        raise PasswordRejected.field(field, f"must have at most {MAX_LENGTH} characters")
    password = _normal(password)
    shortest = MIN_LENGTH_WITH_SECOND_FACTOR if second_factor else MIN_LENGTH
    if len(password) < shortest:
        raise PasswordRejected.field(field, f"must have at least {shortest} characters")
    if len(password) > MAX_LENGTH:
        raise PasswordRejected.field(field, f"must have at most {MAX_LENGTH} characters")
    from zxcvbn import zxcvbn  # noqa: PLC0415 - 12 MB, and passwords are set rarely

    estimate = zxcvbn(password[:_ESTIMATED_LENGTH], user_inputs=[*about, "gatehouse"])
    if estimate["score"] < (_MIN_SCORE_WITH_SECOND_FACTOR if second_factor else _MIN_SCORE):
        hint = estimate["feedback"]["warning"] or "This is easily guessed."
        raise PasswordRejected.field(
            field, f"must be harder to guess: {hint} Several unrelated words are a good password."
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the password was right, and its new hash if the kept one is out of date."""

    right: bool
    new_hash: str | None = field(default=None, repr=False)


class PasswordHasher:
    """Hashes and checks on threads of its own. `cost` is bcrypt's, the binary log of its rounds."""

    def __init__(self, *, cost: int) -> None:
        self._context = CryptContext(
            schemes=_SCHEMES,
            deprecated="auto",
            bcrypt_sha256__default_rounds=cost,
            bcrypt_sha256__min_rounds=cost,  # hashes of a lower cost are upgraded too
        )
        threads = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(threads, "hash", initializer=_lower_priority)
        self._count = threading.Lock()
        self._queued = 0
        self.running = 0
        # Checked when there is no such user, so that this takes as long as when there is.
        self._nobodys = self._context.hash(os.urandom(16).hex())

    def hash(self, password: str) -> str:
        """The hash to keep."""
        return str(self._run(lambda: self._context.hash(_normal(password))))

    def verify(self, password: str, kept: str | None) -> Verified:
        """Checks a password; without a kept hash it is wrong, after the same time."""
        given = _normal(password[:_MAX_RAW_LENGTH])
        possible = kept is not None and len(given) <= MAX_LENGTH
        against = str(kept) if possible else self._nobodys

        def check() -> Verified:
            right = self._is_right(given[:MAX_LENGTH], against)
            if not possible or not right:
                return Verified(right=False)
            outdated = self._context.needs_update(against)
            return Verified(right=True, new_hash=self._context.hash(given) if outdated else None)

        return self._run(check)

    def _is_right(self, password: str, kept: str) -> bool:
        secret: str | bytes = password
        if self._context.identify(kept) == "bcrypt":
            # As the system did that made the hash; the library refuses more.
            secret = password.encode()[:_BCRYPT_BYTES]
        try:
            return bool(self._context.verify(secret, kept))
        except ValueError:  # a hash that is none, or a password that its scheme does not take
            return False

    @property
    def waiting(self) -> int:
        """How many wait for a thread."""
        return self._queued - self.running

    def stop(self) -> None:
        """Ends the threads after what they are doing."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, work: Callable[[], T]) -> T:
        with self._count:
            self._queued += 1
        try:
            return self._pool.submit(self._counted, work).result()
        finally:
            with self._count:
                self._queued -= 1

    def _counted(self, work: Callable[[], T]) -> T:
        with self._count:
            self.running += 1
        try:
            return work()
        finally:
            with self._count:
                self.running -= 1


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def _lower_priority() -> None:
    # On Linux a thread has a niceness of its own; elsewhere it would be the whole process's.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWER_PRIORITY)
