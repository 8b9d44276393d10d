"""E-mail addresses, by their shape and as they are compared."""

import re
import unicodedata


def is_address(text: str) -> bool:
    """Whether the text has the shape of one. Whether anybody reads it is another matter."""
    return bool(re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,189}", text)) and text.isprintable()


def comparable(email: str) -> str:
    """Equal for addresses that differ in case, or in how their accents are composed, alone."""
    return unicodedata.normalize("NFC", email).casefold()


def same_mailbox(one: str, other: str) -> bool:
    """Whether who reads mail at the one reads it at the other: case alone may differ.

    Stricter than `comparable`, which takes ß for ss: straße.example and strasse.example are two
    domains (RFC 5891), of two owners.
    """
    composed = (unicodedata.normalize("NFC", it).lower() for it in (one, other))
    return len(set(composed)) == 1
