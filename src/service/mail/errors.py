"""Why a message was not sent. No text of these names an address: they end up in logs."""


class NotSent(Exception):
    """The message was not taken, and may be later."""


class Refused(NotSent):
    """The message will never be taken as it is."""
