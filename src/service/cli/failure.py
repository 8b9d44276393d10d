"""How a command fails: in one line, with what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager


class Failed(Exception):
    """The command could not do what it was asked to; the message is for people, one line."""


@contextmanager
def files_in_one_line() -> Iterator[None]:
    """Has a file that cannot be read or written told in one line."""
    try:
        yield
    except BrokenPipeError:  # no file's: whoever reads our output has gone
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Failed(f"{where}{error.strerror or error}") from error
