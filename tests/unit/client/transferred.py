"""What is uploaded and downloaded in these tests, and what they look at afterwards."""

import hashlib
import os
from pathlib import Path

from gatehouse_client.files import part_of

# More than gRPC keeps for an attempt of its own, and no multiple of anything.
CONTENT = os.urandom(700_001)
OTHER = os.urandom(650_003)


class Told:
    """What a progress callback was told."""

    def __init__(self) -> None:
        self.all: list[tuple[int, int | None]] = []

    def __call__(self, done: int, total: int | None) -> None:
        self.all.append((done, total))


def sum_of(target: Path) -> Path:
    """Where a download keeps which content it is a part of."""
    part = part_of(target)
    return part.with_name(f"{part.name}.sha256")


def leave_part(target: Path, content: bytes, *, of: bytes) -> None:
    """What a download of `of` leaves that was killed with `content` arrived."""
    part_of(target).write_bytes(content)
    sum_of(target).write_text(hashlib.sha256(of).hexdigest())


def names_beside(target: Path) -> list[str]:
    """Everything in the folder of the target."""
    return sorted(it.name for it in target.parent.iterdir())
