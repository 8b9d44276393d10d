"""What a row answers: figures, what they are held against, and whether that is met."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Budget:
    """A bound for an outcome's ratio, or for its figure where there is no peer."""

    limit: float
    at_least: bool = True
    unit: str = "×"

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:,g} {self.unit}"

    def score(self, value: float) -> float:
        """How far within: 1 is just met, 2 twice as good as asked."""
        return value / self.limit if self.at_least else self.limit / max(value, 1e-9)


@dataclass
class Outcome:
    """One line of the table. `ratio` is the median of the rounds' own ratios, pair by pair."""

    row: str
    work: str
    ours: float
    unit: str
    budget: Budget | None = None
    peer: str = ""
    theirs: float | None = None
    ratio: float | None = None
    notes: list[str] = field(default_factory=list)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    # The share of a core that went to others while it was measured: see rounds.Measured.
    others: float = 0.0

    @property
    def judged(self) -> float:
        """What the budget bounds."""
        return self.ours if self.ratio is None else self.ratio

    @property
    def score(self) -> float | None:
        """How far within the budget; None without one, or without its peer."""
        if self.budget is None or (self.budget.unit == "×" and self.ratio is None):
            return None
        return self.budget.score(self.judged)

    @property
    def verdict(self) -> str:
        """`met`, `MISSED`, or nothing where there is nothing to judge."""
        if self.score is None:
            return "" if self.budget is None else "no peer"
        return "met" if self.score >= 1 else "MISSED"

    def as_json(self) -> dict[str, Any]:
        """For the results file."""
        return asdict(self) | {"score": self.score, "verdict": self.verdict}


class Refused(Exception):
    """A row's figures are worth nothing: something in it did not answer OK."""
