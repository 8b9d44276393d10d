"""What the commands for operators have in common."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import DBAPIError

from service.cli.failure import Failed
from service.embedded import EmbeddedError
from service.kernel.crypto import CannotOpen
from service.kernel.errors import GatehouseError, InvalidArgument, Unavailable
from service.ops.logging import configure_logging, log_format
from service.ops.metrics import Instruments, ServiceMetrics, create_registry
from service.ops.ports import PortInUse
from service.serving import stores_at_hand
from service.settings import BadSetting, Settings
from service.storage.objects import StoreUnavailable
from service.storage.schema import SchemaMismatch
from service.transport.tls import BadTls
from service.wiring import Services, Stores


@contextmanager
def repairable_as_failed() -> Iterator[None]:
    """Has what an operator can put right told in one line; what is a bug keeps its traceback."""
    try:
        yield
    except (BadSetting, BadTls, EmbeddedError, PortInUse, SchemaMismatch) as error:
        raise Failed(str(error)) from error
    except InvalidArgument as error:
        raise Failed(
            "; ".join(f"{it.field}: {it.description}" for it in error.violations)
        ) from error
    except StoreUnavailable as error:
        raise Failed(
            f"the file store does not do as asked: {_first_line(error.__cause__ or error)}. Is"
            " GATEHOUSE_FILE_STORE_URL right, and for S3 AWS_…?"
        ) from error
    except Unavailable as error:
        raise Failed(
            "the database is away: is it running, and GATEHOUSE_DATABASE_URL right?"
        ) from error
    except GatehouseError as error:
        raise Failed(error.message) from error
    except CannotOpen as error:
        raise Failed(f"{error}: is GATEHOUSE_ENCRYPTION_KEYS that of this database?") from error
    except DBAPIError as error:
        raise Failed(
            f"the database does not do as asked: {_first_line(error.orig)}. Is it running, and"
            " GATEHOUSE_DATABASE_URL right?"
        ) from error
    except OSError as error:
        raise Failed(f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")) from error


def _first_line(error: object) -> str:
    """Of what a driver says; the rest are hints for programmers."""
    return str(error).strip().split("\n", 1)[0]


def start_up() -> Settings:
    """The settings, for a command that serves or works: logging as they say, warnings in it."""
    settings = Settings.read(os.environ)
    form = settings.log_format or log_format(sys.stderr)
    configure_logging(form, settings.log_level, sys.stderr)
    for warning in settings.warnings:
        structlog.get_logger("gatehouse").warning(warning)
    return settings


def read_settings() -> Settings:
    """The settings, for a command that speaks for itself: only errors are logged beside it."""
    configure_logging("console", "error", sys.stderr)
    return Settings.read(os.environ)


@contextmanager
def at_hand(settings: Settings) -> Iterator[Services]:
    """The service without a server: its use cases, on the stores that the settings name."""
    with stores_at_hand(settings) as stores, unserved(settings, stores) as application:
        yield application


@contextmanager
def unserved(settings: Settings, stores: Stores) -> Iterator[Services]:
    """The use cases over the stores, following nothing."""
    services = Services(settings, stores, ServiceMetrics(Instruments(create_registry())))
    try:
        yield services
    finally:
        services.stop()
