"""What a check of `gatehouse doctor` found."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from service.cli.failure import Failed
from service.cli.operator import repairable_as_failed


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, in one line; of a problem also what to do."""

    check: str
    status: Status
    detail: str


def looked(check: str, look: Callable[[], str]) -> Finding:
    """What came of looking: `look` says what is well, or raises what can be put right."""
    try:
        with repairable_as_failed():
            return Finding(check, Status.OK, look())
    except Failed as problem:
        return Finding(check, Status.PROBLEM, str(problem))


def skipped(check: str, needed: str) -> Finding:
    """A check for which something is lacking."""
    return Finding(check, Status.SKIPPED, f"cannot be looked at without {needed}")
