"""Data at rest: sealed values, look-up by blind index, and what is derived from the same keys.

AES-256-GCM (NIST SP 800-38D) under a ring of keys. The additional data binds a sealed value to its
place, so that ciphertext moved to another row or column does not open.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_BYTES = 4


class CannotOpen(Exception):
    """A sealed value is damaged, stands in the wrong place, or its key is not on the ring."""


class KeyRing:
    """Seals with its first key and opens with any of them.

    A sealed value is key id (4 bytes) + nonce (12) + ciphertext and tag. Raises ValueError for an
    empty ring or a key that is not 32 bytes.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a key ring takes one or more keys of {KEY_BYTES} bytes")
        self._ciphers = {_key_id(key): AESGCM(_derive(key, b"seal")) for key in keys}
        self._newest = _key_id(keys[0])
        # The oldest key indexes, so that adding a key in front leaves look-ups as they are.
        self._index_key = _derive(keys[-1], b"blind index")
        self._token_key = _derive(keys[-1], b"token")

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._ciphers)}>"

    @staticmethod
    def parse(text: str) -> "KeyRing":
        """A ring from base64 keys separated by commas, newest first. Raises ValueError."""
        try:
            return KeyRing([base64.b64decode(part, validate=True) for part in text.split(",")])
        except ValueError:
            raise ValueError(f"takes base64 keys of {KEY_BYTES} bytes, newest first") from None

    def seal(self, value: bytes, place: str) -> bytes:
        """The value, sealed for `place` (`table/column/row`)."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, value, place.encode())
        return self._newest + nonce + sealed

    def open(self, sealed: bytes, place: str) -> bytes:
        """The value that was sealed for `place`. Raises CannotOpen."""
        cipher = self._ciphers.get(bytes(sealed[:_ID_BYTES]))
        body = _ID_BYTES + _NONCE_BYTES
        if cipher is None:
            raise CannotOpen(f"no key on the ring opens the value at {place}")
        try:
            return cipher.decrypt(sealed[_ID_BYTES:body], sealed[body:], place.encode())
        except (InvalidTag, ValueError):  # a nonce cut short is a ValueError
            raise CannotOpen(f"the value at {place} is damaged or out of place") from None

    def blind_index(self, value: str, column: str) -> bytes:
        """32 bytes that are equal for equal values of one column, and say nothing else of them."""
        return hmac.digest(self._index_key, f"{column}\0{value}".encode(), hashlib.sha256)

    def sign(self, value: bytes, purpose: str) -> bytes:
        """A 32-byte MAC for what this service hands out and takes back, such as page tokens."""
        return hmac.digest(self._token_key, purpose.encode() + b"\0" + value, hashlib.sha256)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"gatehouse key id\0" + key).digest()[:_ID_BYTES]


def _derive(key: bytes, purpose: bytes) -> bytes:
    """HKDF (RFC 5869): one stored key, a separate one for each use of it."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"gatehouse " + purpose).derive(key)
