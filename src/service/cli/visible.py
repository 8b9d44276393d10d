"""Text that others may have written, as it can be shown."""


def visible(text: str) -> str:
    """The text without what would steer a terminal or turn the order of what is read.

    Control and format characters, and all else that nobody could see, stand there as escapes.
    """
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
