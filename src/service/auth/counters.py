"""What is counted of sign-ins and tokens."""

from typing import Protocol


class Counters(Protocol):
    """Counts sign-ins, refreshes and exchanges by outcome."""

    def logins(self, outcome: str) -> None:
        """One more sign-in."""

    def federated_logins(self, outcome: str) -> None:
        """One more sign-in at an identity provider."""

    def refreshes(self, outcome: str) -> None:
        """One more refresh."""

    def exchanges(self, outcome: str) -> None:
        """One more exchanged token."""
