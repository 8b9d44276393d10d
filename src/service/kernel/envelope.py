"""What files are sealed with at rest: content of any length under a key of its own.

STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance, 2015), with AES-256-GCM over segments of 64 KiB and the segment's number as the
nonce, so that any range opens by itself. A segment that was changed, moved to another place or
taken from another object does not open. Where the content ends is not sealed in: whoever keeps
the key keeps the size beside it, and asks for every segment that the size gives.
"""

import os
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.kernel.crypto import KEY_BYTES, CannotOpen

SEGMENT = 64 * 1024
OVERHEAD = 16  # the tag of each segment
_NONCE_BYTES = 12
_DAMAGED = "a segment of a file is damaged or out of place"


class Envelope:
    """Seals and opens one object's content. Its key seals no other object, so no nonce repeats.

    Raises ValueError for a key that is not 32 bytes.
    """

    def __init__(self, data_key: bytes) -> None:
        if len(data_key) != KEY_BYTES:
            raise ValueError(f"an envelope takes a key of {KEY_BYTES} bytes")
        self.key = data_key
        self._cipher = AESGCM(data_key)

    def __repr__(self) -> str:
        return "<Envelope>"

    @staticmethod
    def new() -> "Envelope":
        """One for a new object, under a key that nothing else has."""
        return Envelope(os.urandom(KEY_BYTES))

    def seal(self, first_segment: int, content: bytes | bytearray | memoryview) -> bytearray:
        """The content, sealed to stand at this segment of the object and on.

        Each 64 KiB come out 16 bytes longer, and so does what is left at the end; no content comes
        out as none.
        """
        sealed = bytearray(sealed_size(len(content)))
        into = _cut(memoryview(sealed), SEGMENT + OVERHEAD)
        plain = _cut(memoryview(content), SEGMENT)
        for segment, (one, its) in enumerate(zip(plain, into, strict=True), first_segment):
            its[:] = self._cipher.encrypt(_nonce(segment), one, None)
        return sealed

    def open(self, first_segment: int, sealed: bytes | bytearray | memoryview) -> bytearray:
        """The content that was sealed to stand there. Raises CannotOpen."""
        segments = -(-len(sealed) // (SEGMENT + OVERHEAD))
        if 0 < len(sealed) % (SEGMENT + OVERHEAD) <= OVERHEAD:
            raise CannotOpen(_DAMAGED)
        content = bytearray(len(sealed) - segments * OVERHEAD)
        into = _cut(memoryview(content), SEGMENT)
        whole = _cut(memoryview(sealed), SEGMENT + OVERHEAD)
        try:
            for segment, (one, its) in enumerate(zip(whole, into, strict=True), first_segment):
                its[:] = self._cipher.decrypt(_nonce(segment), one, None)
        except InvalidTag:
            raise CannotOpen(_DAMAGED) from None
        return content


def sealed_size(size: int) -> int:
    """How many bytes a content of `size` bytes has when it is sealed."""
    return size + -(-size // SEGMENT) * OVERHEAD


def sealed_range(start: int, end: int, size: int) -> tuple[int, int]:
    """Which bytes `[first, last)` of a sealed content hold its bytes `[start, end)`, as segments.

    `size` is that of the whole content. They begin with segment `start // SEGMENT`, of which
    `start % SEGMENT` bytes are before `start`.
    """
    first = start // SEGMENT * SEGMENT
    last = min(-(-end // SEGMENT) * SEGMENT, size)
    return sealed_size(first), sealed_size(last)


def _cut(content: memoryview, size: int) -> Iterator[memoryview]:
    return (content[at : at + size] for at in range(0, len(content), size))


def _nonce(segment: int) -> bytes:
    return segment.to_bytes(_NONCE_BYTES, "big")
