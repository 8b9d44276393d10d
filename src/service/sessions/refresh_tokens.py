"""Refresh tokens: derived from the session's key, so that any old one is recognised for what it is.

The token of generation n is HMAC-SHA-256(key of the session, n): 256 bits that say nothing of the
tokens before or after. Nothing need be stored for each token, the successor of a lost answer is
derived again, and an old token is told from a forged one however old it is.
"""

import base64
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass, field
from uuid import UUID

from service.sessions.errors import RefreshTokenInvalid

# Told from other secrets at sight, by people and by secret scanners.
PREFIX = "ghr_"
_LAYOUT = struct.Struct(">16sI32s")


@dataclass(frozen=True, slots=True)
class Presented:
    """A refresh token as a client sent it: it says which session's and which generation it is."""

    session_id: UUID
    generation: int
    code: bytes = field(repr=False)

    def is_authentic(self, key: bytes) -> bool:
        """Whether this service derived the token from the session's key."""
        return hmac.compare_digest(self.code, _code(key, self.generation))


def new_key() -> bytes:
    """A key for a new session."""
    return os.urandom(32)


def derive(session_id: UUID, key: bytes, generation: int) -> str:
    """The refresh token of one generation."""
    packed = _LAYOUT.pack(session_id.bytes, generation, _code(key, generation))
    return PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read(token: str) -> Presented:
    """What a client sent. Raises RefreshTokenInvalid for what was never a refresh token."""
    body = token.removeprefix(PREFIX)
    try:
        packed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        session_id, generation, code = _LAYOUT.unpack(packed)
    except (ValueError, struct.error):
        raise RefreshTokenInvalid from None
    return Presented(UUID(bytes=session_id), generation, code)


def _code(key: bytes, generation: int) -> bytes:
    return hmac.digest(key, struct.pack(">I", generation), hashlib.sha256)
