"""`gatehouse serve` and `worker`: from nothing to serving, and back without losing a call."""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from service.auth.first_admin import FirstAdmin
from service.embedded import EmbeddedError, EmbeddedStores, open_stores
from service.kernel.crypto import KeyRing
from service.kernel.errors import Unavailable
from service.settings import Settings
from service.storage import schema
from service.storage.database import create_database_engine
from service.storage.keyfile import kept_ring
from service.wiring import Application, BackgroundWork, Stores

_ASK_AGAIN = 1.0
_LOOK_UP = 0.5

T = TypeVar("T")

log = structlog.get_logger("gatehouse")


class _Leaving:
    """Whether a signal has asked the process to end.

    Not a `threading.Event`: its `set` would wait for ever for the lock that an interrupted `wait`
    holds, while a SimpleQueue's `put` may interrupt its own `get`. And the system may hand the
    signal to a thread that sleeps on, so the main one looks up now and then to run the handler.
    """

    def __init__(self) -> None:
        self._signals: SimpleQueue[None] = SimpleQueue()
        self._told = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._tell())

    def is_set(self) -> bool:
        """Whether there was a signal since the last `clear`."""
        return self._told

    def wait(self, seconds: float | None = None) -> None:
        """Returns once there was a signal, or after `seconds`."""
        deadline = inf if seconds is None else monotonic() + seconds
        while not self._told and (left := deadline - monotonic()) > 0:
            with suppress(Empty):
                self._signals.get(timeout=min(left, _LOOK_UP))

    def clear(self) -> None:
        """Waits for another signal from now on."""
        self._told = False
        with suppress(Empty):
            while True:
                self._signals.get_nowait()

    def _tell(self) -> None:
        self._told = True
        self._signals.put(None)


@contextmanager
def stores_of(settings: Settings) -> Iterator[Stores]:
    """The stores that the settings name, or embedded ones for as long as the block runs.

    Embedded stores are brought to the current schema; others are by `gatehouse migrate`.
    Raises EmbeddedError, SchemaMismatch.
    """
    if given := _given(settings):
        yield given
        return
    with EmbeddedStores(settings.data_dir) as embedded:
        with one_connection(embedded.database_url) as engine:
            schema.migrate(engine)
        yield Stores(embedded.database_url, embedded.redis_url, _ring(settings))


@contextmanager
def stores_at_hand(settings: Settings) -> Iterator[Stores]:
    """The same for an operator's command: also beside a running server, the schema left as it is.

    Raises EmbeddedError.
    """
    if given := _given(settings):
        yield given
        return
    with open_stores(settings.data_dir) as embedded:
        yield Stores(embedded.database_url, embedded.redis_url, _ring(settings))


def _given(settings: Settings) -> Stores | None:
    if settings.database_url and settings.redis_url and settings.encryption_keys:
        return Stores(settings.database_url, settings.redis_url, settings.encryption_keys)
    return None


@contextmanager
def one_connection(database_url: str) -> Iterator[Engine]:
    """An engine for something short."""
    engine = create_database_engine(database_url, pool_size=1)
    try:
        yield engine
    finally:
        engine.dispose()


def serve(settings: Settings, announce: Callable[[Application, FirstAdmin | None], None]) -> None:
    """Serves until SIGTERM or SIGINT; calls `announce` once it does.

    While PostgreSQL is away at the start it is waited for, and probes are answered NOT_SERVING.
    Raises EmbeddedError, SchemaMismatch, PortInUse, BadTls, PasswordRejected and OSError: each says
    in one line why it could not start.
    """
    leaving = _Leaving()
    started = monotonic()
    with stores_of(settings) as stores, ExitStack() as running:
        application = Application(settings, stores)
        running.callback(application.stop, settings.drain_grace.total_seconds())
        application.listen()
        _once_there(leaving, lambda: _require_schema(stores))
        admin = _once_there(leaving, application.prepare)
        _once_there(leaving, application.serve)
        # What is there now stays: without this, looking through it for garbage again and again
        # costs a fifth of a quick call.
        gc.collect()
        gc.freeze()
        if settings.embedded:  # elsewhere workers are processes of their own
            background = BackgroundWork(settings, stores)
            running.callback(background.stop)
            _once_there(leaving, background.start)
        if not leaving.is_set():
            log.info(
                "serving",
                grpc=application.grpc_port,
                ops=application.ops.port,
                seconds=round(monotonic() - started, 2),
            )
            announce(application, admin)
        leaving.wait()
        log.info("leaving", wait=settings.drain_wait.total_seconds())
        application.leave()
        leaving.clear()  # a second signal means now
        leaving.wait(settings.drain_wait.total_seconds())
    log.info("left")


def work(settings: Settings) -> None:
    """Works the queue off until SIGTERM or SIGINT. Raises EmbeddedError, SchemaMismatch."""
    leaving = _Leaving()
    with stores_of(settings) as stores:
        _once_there(leaving, lambda: _require_schema(stores))
        background = BackgroundWork(settings, stores)
        _once_there(leaving, background.start)
        log.info("working")
        leaving.wait()
        background.stop()
    log.info("left")


def _ring(settings: Settings) -> KeyRing:
    if settings.encryption_keys:
        return settings.encryption_keys
    path = settings.data_dir / "encryption.keys"
    try:
        return kept_ring(path)
    except ValueError as error:
        raise EmbeddedError(f"{path} is damaged: it {error}") from None


def _require_schema(stores: Stores) -> None:
    with one_connection(stores.database_url) as engine:
        schema.require_current(engine)


def _once_there(leaving: _Leaving, work: Callable[[], T]) -> T | None:
    """Does the work as soon as PostgreSQL is there; None when we are to leave before it is."""
    while not leaving.is_set():
        try:
            return work()
        except (Unavailable, OperationalError) as error:
            log.warning("waiting for PostgreSQL", why=str(error).partition("\n")[0])
            leaving.wait(_ASK_AGAIN)
    return None
