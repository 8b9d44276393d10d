"""What the commands for operators have in common: faults that are told in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from service.cli.failure import Failed
from service.embedded import EmbeddedError
from service.kernel.crypto import CannotOpen
from service.kernel.errors import GatehouseError, InvalidArgument
from service.settings import BadSetting
from service.storage.schema import SchemaMismatch
from service.transport.server import PortInUse
from service.transport.tls import BadTls


@contextmanager
def in_one_line() -> Iterator[None]:
    """Has what an operator can put right told in one line; what is a bug keeps its traceback."""
    try:
        yield
    except (BadSetting, BadTls, EmbeddedError, PortInUse, SchemaMismatch) as error:
        raise Failed(str(error)) from error
    except InvalidArgument as error:
        raise Failed(
            "; ".join(f"{it.field}: {it.description}" for it in error.violations)
        ) from error
    except GatehouseError as error:
        raise Failed(error.message) from error
    except CannotOpen as error:
        raise Failed(f"{error}: is GATEHOUSE_ENCRYPTION_KEYS that of this database?") from error
    except DBAPIError as error:
        raise Failed(f"the database at GATEHOUSE_DATABASE_URL: {first_line(error.orig)}") from error
    except OSError as error:
        raise Failed(f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")) from error


def first_line(error: object) -> str:
    """Of what a driver says; the rest are hints for programmers."""
    return str(error).strip().split("\n", 1)[0]
