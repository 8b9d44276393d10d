"""Logging, configured once: one stream, one form, for our own loggers and everyone's."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

HIDDEN = "(hidden)"

_SECRET_NAME = re.compile(
    r"(.*_)?(authorization|cookie|credentials?|passphrase|passwd|password|secret|token|totp|otp"
    r"|(api|private|encryption|signing)_keys?|(database|redis)_url|(otp|totp|recovery)_codes?)s?"
)
# What is a secret whatever it is called: a JWT, a bearer token, the password in a URL.
_SECRET_TEXT = re.compile(
    r"\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=\bBearer )\S+|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)", re.IGNORECASE
)


def log_format(stream: TextIO) -> str:
    """The form when none is set: `console` on a terminal, else `json`."""
    return "console" if stream.isatty() else "json"


def configure_logging(form: str, level: str, stream: TextIO) -> None:
    """Sends every log line to `stream`: `form` is `console` or `json`, `level` as in the settings.

    Others' loggers (grpc, alembic, sqlalchemy, procrastinate) are heard from `warning` on: below it
    they chat, and tell arguments, among them those of jobs.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # As text, and before hiding: with local variables a traceback would tell secrets.
                structlog.processors.format_exc_info,
                hide_secrets,
                _in_order,
                _renderer(form, stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger("gatehouse").setLevel(threshold)
    logging.captureWarnings(capture=True)


def _renderer(form: str, stream: TextIO) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(default=lambda value: hide_text(repr(value)))
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty() and sys.platform != "win32",
        timestamp_key="time",
        exception_formatter=structlog.dev.plain_traceback,
    )


def hide_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """Hides what is named or looks like a secret, however deep: the second line of defence.

    The first is that nobody logs one.
    """
    return {name: HIDDEN if _is_secret(name) else _hidden(value) for name, value in event.items()}


def _in_order(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """As the access lines begin, and as one reads."""
    return {name: event.pop(name) for name in ("time", "level", "logger", "event")} | dict(event)


def hide_text(text: str) -> str:
    """The text without the secrets that are known by their look."""
    return _SECRET_TEXT.sub(HIDDEN, text)


def _hidden(value: Any) -> Any:
    match value:
        case str():
            return hide_text(value)
        case bytes() | bytearray():
            return f"({len(value)} bytes)"
        case Mapping():
            return {
                name: HIDDEN if _is_secret(str(name)) else _hidden(inner)
                for name, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_hidden(inner) for inner in value]
        case _:
            return value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    """Whether `refresh_token`, `refreshToken`, `Refresh-Token` and the like name a secret."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).lower()
    return _SECRET_NAME.fullmatch(words) is not None
