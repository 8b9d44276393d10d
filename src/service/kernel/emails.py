"""E-mail addresses as they are compared."""

import unicodedata


def comparable(email: str) -> str:
    """Equal for addresses that differ in case, or in how their accents are composed, alone."""
    return unicodedata.normalize("NFC", email).casefold()
