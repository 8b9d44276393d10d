"""Running again what collided with another."""

from collections.abc import Callable
from random import uniform
from time import sleep
from typing import TypeVar

from service.kernel.errors import Conflict

T = TypeVar("T")

_ATTEMPTS = 3


def retried(use_case: Callable[[], T]) -> T:
    """What the use case answers, which is run up to three times. Raises Conflict after that."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return use_case()
        except Conflict:
            sleep(uniform(0.002, 0.02))  # noqa: S311 - spreads retries, hides nothing
    return use_case()
