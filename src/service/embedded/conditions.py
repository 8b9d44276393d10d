"""Under which the stores are started and reached."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.embedded.errors import EmbeddedError


@contextmanager
def os_errors_as_embedded_errors(data_dir: Path) -> Iterator[None]:
    """Has what the system refuses told in one line. Raises EmbeddedError."""
    try:
        yield
    except OSError as error:
        raise EmbeddedError(f"{error.filename or data_dir}: {error.strerror or error}") from error


@contextmanager
def without_libpq_variables() -> Iterator[None]:
    """Takes PGHOSTADDR, PGSERVICE, PGOPTIONS, … away while the stores run.

    They speak of some other database, yet clients obey several of them before a URL.
    """
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ.update(taken)
