"""The secrets of API keys, made so that scanners find them and know them for real offline.

`gatehouse_`, then in base62 the key's id (16 bytes, 22 characters), 32 random bytes (43), and the
CRC-32 of these 65 characters (6): what GitHub does with its tokens. A fixed word in front makes few
false finds, the checksum almost none, and one double-click selects it all.
https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
"""

import hashlib
import os
import zlib
from uuid import UUID

from service.serviceaccounts.errors import ApiKeyInvalid

PREFIX = "gatehouse_"
_ID = 22
_RANDOM = 43
_CHECKSUM = 6
_LENGTH = len(PREFIX) + _ID + _RANDOM + _CHECKSUM
_SHOWN = 16  # of which six are the id's, enough to tell a few keys apart
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}


def new(key_id: UUID) -> str:
    """A new secret for the key."""
    # The id's last bytes first: those are random, its first are the time.
    body = _base62(int.from_bytes(key_id.bytes, "little"), _ID)
    body += _base62(int.from_bytes(os.urandom(32), "big"), _RANDOM)
    return PREFIX + body + _checksum(body)


def read(secret: str) -> UUID:
    """The id of the key whose secret this seems to be. Raises ApiKeyInvalid."""
    body, checksum = secret[len(PREFIX) : -_CHECKSUM], secret[-_CHECKSUM:]
    formed = len(secret) == _LENGTH and secret.startswith(PREFIX) and secret.isascii()
    if not formed or checksum != _checksum(body):
        raise ApiKeyInvalid
    try:
        return UUID(bytes=_number(body[:_ID]).to_bytes(16, "little"))
    except (KeyError, OverflowError):
        raise ApiKeyInvalid from None


def shown(secret: str) -> str:
    """The beginning of a secret, by which people recognise it."""
    return secret[:_SHOWN]


def digest(secret: str) -> bytes:
    """What is kept of a secret. Its 256 random bits cannot be guessed, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * len(_DIGITS) + _VALUES[digit]
    return number
