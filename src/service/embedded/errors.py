"""What embedded mode raises."""


class EmbeddedError(Exception):
    """The embedded stores cannot start or stop; the message is one line for the operator."""


class DataDirInUse(EmbeddedError):
    """Another process holds DATA_DIR, and runs the stores in it."""
