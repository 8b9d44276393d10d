"""Revisions, opened: what is nobody's business but a test's."""

import base64


def position_of(revision: str) -> int:
    """Its place in the order of all commits: the last eight bytes."""
    packed = base64.urlsafe_b64decode(revision + "=" * (-len(revision) % 4))
    return int.from_bytes(packed[-8:])
