"""`gatehouse serve`: from nothing to serving, and back without losing a call."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import structlog

from service.auth.first_admin import FirstAdmin, ensure_first_admin
from service.embedded import EmbeddedStores
from service.kernel.call import Call
from service.settings import Settings
from service.storage import schema
from service.storage.database import create_database_engine
from service.storage.keyfile import kept_ring
from service.wiring import Application, BackgroundWork, Stores

log = structlog.get_logger("gatehouse")


@contextmanager
def stores_of(settings: Settings) -> Iterator[Stores]:
    """The stores that the settings name, or embedded ones for as long as the block runs.

    Embedded stores are brought to the current schema; others must have been (`gatehouse migrate`).
    Raises EmbeddedError, SchemaMismatch, OperationalError.
    """
    if settings.database_url and settings.redis_url and settings.encryption_keys:
        stores = Stores(settings.database_url, settings.redis_url, settings.encryption_keys)
        with_schema(stores.database_url, schema.require_current)
        yield stores
        return
    with EmbeddedStores(settings.data_dir) as embedded:
        with_schema(embedded.database_url, schema.migrate)
        ring = settings.encryption_keys or kept_ring(settings.data_dir / "encryption.keys")
        yield Stores(embedded.database_url, embedded.redis_url, ring)


def with_schema(database_url: str, work: Callable[..., object]) -> object:
    """Does something to the schema, on an engine of its own."""
    engine = create_database_engine(database_url, pool_size=1)
    try:
        return work(engine)
    finally:
        engine.dispose()


def serve(settings: Settings, announce: Callable[[Application, FirstAdmin | None], None]) -> None:
    """Serves until SIGTERM or SIGINT; calls `announce` once it does.

    Raises BadSetting, EmbeddedError, SchemaMismatch, PortInUse and others that say in one line why
    it could not start.
    """
    leaving = _signalled()
    started = monotonic()
    with stores_of(settings) as stores:
        application = Application(settings, stores)
        admin = ensure_first_admin(
            application.database,
            application.users,
            application.access,
            settings.bootstrap_admin_email,
            settings.bootstrap_admin_password,
        )
        application.keys.ensure(Call.internal("bootstrap"))
        application.start()
        # Elsewhere workers are processes of their own.
        background = BackgroundWork(stores) if settings.embedded else None
        if background:
            background.start()
        log.info("serving", grpc=application.grpc_port, seconds=round(monotonic() - started, 2))
        announce(application, admin)
        leaving.wait()
        log.info("leaving", wait=settings.drain_wait.total_seconds())
        application.leave()
        # A second signal means now.
        leaving.clear()
        leaving.wait(settings.drain_wait.total_seconds())
        application.stop(settings.drain_grace.total_seconds())
        if background:
            background.stop()
        log.info("left")


def work(settings: Settings) -> None:
    """`gatehouse worker`: works the queue off until SIGTERM or SIGINT. Raises as `serve` does."""
    leaving = _signalled()
    with stores_of(settings) as stores:
        background = BackgroundWork(stores)
        background.start()
        log.info("working")
        leaving.wait()
        background.stop()
        log.info("left")


def _signalled() -> threading.Event:
    """Set by the signals that ask the process to end."""
    leaving = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.set())
    return leaving
