"""What `gatehouse doctor` looks at."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from time import perf_counter, time

from cryptography import x509

from service.cli.failure import Failed
from service.cli.file_checks import FILE_CHECKS, checked_store, compared
from service.cli.findings import Finding, Status, looked, skipped
from service.cli.listening import Listening
from service.cli.operator import repairable_as_failed, unserved
from service.mail.errors import NotSent
from service.mail.smtp import SmtpMailer
from service.serving import one_connection, stores_at_hand
from service.settings import Settings
from service.storage import schema
from service.storage.redis import require_answer
from service.transport.tls import TlsFiles
from service.wiring import Services, Stores

_MOST_SECONDS_APART = 2.0
_MIGRATE = "run `gatehouse migrate`"
_NEEDS_DATABASE = ("schema", "clock", "encryption keys")


class _NotBegun(Exception):
    """The data folder of embedded mode holds nothing yet, which is as it should be."""


def examine(environ: Mapping[str, str], *, files: bool = False) -> Iterator[Finding]:
    """Looks at everything, and goes on after a problem where that makes sense.

    `files`: also at each file's content.
    """
    try:
        with repairable_as_failed():
            settings = Settings.read(environ)
    except Failed as problem:
        for line in str(problem).splitlines():
            yield Finding("settings", Status.PROBLEM, line)
        yield skipped("everything else", "the settings")
        return
    yield Finding("settings", Status.OK, "; ".join(settings.warnings) or "they can be used")
    yield looked("TLS", lambda: _tls(settings))
    listening = Listening(settings)
    yield looked("gRPC port", listening.grpc)
    yield looked("ops port", listening.ops)
    yield looked("mail", lambda: _mail(settings))
    yield from _stores(settings, files=files)


def _stores(settings: Settings, *, files: bool) -> Iterator[Finding]:
    needs_database = (*_NEEDS_DATABASE, *(FILE_CHECKS if files else ()))
    with ExitStack() as opened:
        try:
            with repairable_as_failed():
                if settings.embedded:
                    _require_data(settings)
                stores = opened.enter_context(stores_at_hand(settings))
        except _NotBegun as found:
            yield Finding("data folder", Status.OK, str(found))
            return
        except Failed as problem:
            yield Finding("data folder", Status.PROBLEM, str(problem))
            yield from (skipped(name, "the data") for name in ("database", *needs_database))
            return
        file_store = looked("file store", lambda: checked_store(settings))
        yield file_store
        try:
            with repairable_as_failed():
                service = opened.enter_context(unserved(settings, stores))
        except Failed as problem:
            if file_store.status is Status.OK:
                yield Finding("data folder", Status.PROBLEM, str(problem))
            for name in ("Redis", "database", *needs_database):
                yield skipped(name, "what the service is made of")
            return
        yield looked("Redis", lambda: _redis(service))
        database = looked("database", lambda: _database(stores))
        yield database
        if database.status is not Status.OK:
            yield from (skipped(name, "the database") for name in needs_database)
            return
        current = looked("schema", lambda: _schema(stores))
        yield from _in_database(settings, service, current)
        if files and current.status is Status.OK:
            yield from compared(settings, service.database, file_store)
        elif files:
            yield from (skipped(name, "the schema") for name in FILE_CHECKS)


def _require_data(settings: Settings) -> None:
    """Looks before the stores are opened, which would make whatever is missing.

    Raises _NotBegun, Failed, OSError.
    """
    data_dir = settings.data_dir.absolute()
    if not (data_dir / "postgres").exists():
        there = next(it for it in (data_dir, *data_dir.parents) if it.exists())
        if not there.is_dir():
            raise Failed(f"{there} is not a folder: move it away, or set GATEHOUSE_DATA_DIR")
        if not os.access(there, os.W_OK | os.X_OK):
            raise Failed(f"{there} is not ours to write in: set GATEHOUSE_DATA_DIR")
        raise _NotBegun(f"{data_dir} holds no data yet: `gatehouse serve` makes them")
    keys = data_dir / "encryption.keys"
    if settings.encryption_keys is None and not keys.exists():
        raise Failed(f"{keys} is missing: put it back, or nothing that is sealed can be opened")


def _in_database(settings: Settings, service: Services, current: Finding) -> Iterator[Finding]:
    if settings.embedded and current.detail.endswith(_MIGRATE):
        known = current.detail.removesuffix(_MIGRATE)
        yield Finding("schema", Status.OK, f"{known}`gatehouse serve` brings it up to date")
    else:
        yield current
    if current.status is Status.OK:
        yield looked("clock", lambda: _clock(service))
        yield looked("encryption keys", lambda: _keys(service))
    else:
        yield skipped("clock", "the schema")
        yield skipped("encryption keys", "the schema")


def _tls(settings: Settings) -> str:
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return "not set: plaintext"
    TlsFiles(settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file)
    certificate = x509.load_pem_x509_certificate(settings.tls_cert_file.read_bytes())
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not start.timestamp() <= time() < end.timestamp():
        raise Failed(
            f"'{settings.tls_cert_file}' is valid from {start:%Y-%m-%d} to {end:%Y-%m-%d},"
            " which is not now: renew it"
        )
    return f"certificate and key fit, until {end:%Y-%m-%d}"


def _mail(settings: Settings) -> str:
    if settings.smtp_url is None:
        return f"written to {settings.mail_folder}"
    server = settings.smtp_url
    started = perf_counter()
    try:
        SmtpMailer(server).check()
    except NotSent as error:
        raise Failed(
            f"{server.host}:{server.port} at GATEHOUSE_SMTP_URL takes none: {error}. Is it running,"
            " and the URL right? Mail is tried again for an hour"
        ) from None
    return f"{server.host}:{server.port} takes it, in {(perf_counter() - started) * 1000:.0f} ms"


def _database(stores: Stores) -> str:
    with one_connection(stores.database_url) as engine, engine.connect() as connection:
        version = connection.dialect.server_version_info or ()
    return f"PostgreSQL {'.'.join(map(str, version))} answers"


def _schema(stores: Stores) -> str:
    with one_connection(stores.database_url) as engine:
        schema.require_current(engine)
    return "the one that this version needs"


def _clock(service: Services) -> str:
    service.feed.read()
    apart = service.clock.timestamp() - time()
    if abs(apart) > _MOST_SECONDS_APART:
        raise Failed(
            f"the database's is {apart:+.1f} s off this machine's: keep both by NTP, or tokens"
            " seem to come from the future"
        )
    return f"{abs(apart) * 1000:.0f} ms from the database's"


def _redis(service: Services) -> str:
    started = perf_counter()
    try:
        require_answer(service.redis)
    except ConnectionError as error:
        raise Failed(
            f"the one at GATEHOUSE_REDIS_URL does not answer: {error} Is it running, and the URL"
            " right? Without it, sign-in goes on with stricter throttles"
        ) from error
    return f"answers in {(perf_counter() - started) * 1000:.1f} ms"


def _keys(service: Services) -> str:
    """Opens what was sealed first; with another ring that fails."""
    count = len(service.keys.all())
    return "they open what is sealed" if count else "nothing is sealed yet"
