"""What everything stands on."""

from dataclasses import dataclass

from service.kernel.crypto import KeyRing


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the data is, and the keys that seal it."""

    database_url: str
    redis_url: str
    ring: KeyRing
