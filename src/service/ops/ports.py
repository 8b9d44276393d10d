"""How it is told that a port cannot be had, whichever it is."""


class PortInUse(Exception):
    """The address cannot be listened on; the message says which setting names another."""

    def __init__(self, address: str, setting: str) -> None:
        super().__init__(
            f"cannot listen on {address}, which is in use or not ours to open: set {setting}"
        )
