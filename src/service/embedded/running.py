"""The stores as an operator's command finds them: perhaps a server runs them already."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from service.embedded import postgres, valkey
from service.embedded.conditions import os_errors_as_embedded_errors, without_libpq_variables
from service.embedded.errors import DataDirInUse, EmbeddedError
from service.embedded.stores import EmbeddedStores


@dataclass(frozen=True, slots=True)
class OpenStores:
    """Where the stores are reached; `shared` with the process that runs them, or our own."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    shared: bool


@contextmanager
def open_stores(data_dir: Path) -> Iterator[OpenStores]:
    """The stores in DATA_DIR, started for the block unless another process runs them.

    Raises EmbeddedError.
    """
    own = EmbeddedStores(data_dir)
    try:
        own.start()
    except DataDirInUse:
        with without_libpq_variables():
            yield _shared(data_dir.absolute())
        return
    try:
        yield OpenStores(own.database_url, own.redis_url, shared=False)
    finally:
        own.stop()


def _shared(data_dir: Path) -> OpenStores:
    with os_errors_as_embedded_errors(data_dir):
        try:
            runtime = Path((data_dir / "runtime").read_text("utf-8", "surrogateescape"))
        except FileNotFoundError:
            raise EmbeddedError(f"{data_dir} is being opened or closed: try again") from None
        return OpenStores(
            postgres.url_at(runtime / "postgres", _read(data_dir / "postgres.password")),
            valkey.url_at(runtime / "valkey", _read(data_dir / "valkey.password")),
            shared=True,
        )


def _read(password_file: Path) -> str:
    return password_file.read_text("ascii")
