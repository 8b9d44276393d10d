"""Every log line goes to one stream in one form, without secrets."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from service.ops.logging import configure_logging, log_format

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c2Vycy8xIn0.c2lnbmF0dXJl"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("gatehouse")
    before = root.handlers[:], root.level, ours.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:], root.level, ours.level = before
    root.manager._clear_cache()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(stream: io.StringIO) -> Iterator["Lines"]:
    configure_logging("json", "info", stream)
    return Lines(stream)


class Lines:
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    def only(self) -> dict[str, Any]:
        [line] = self.all()
        return line


def test_a_line_tells_when_in_utc_how_grave_and_who(lines: Lines) -> None:
    structlog.get_logger("gatehouse.feed").warning("PostgreSQL is away", why="gone")
    line = lines.only()
    assert list(line)[:4] == ["time", "level", "logger", "event"]
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "PostgreSQL is away",
        "level": "warning",
        "logger": "gatehouse.feed",
        "why": "gone",
    }


def test_others_loggers_speak_through_the_same(lines: Lines) -> None:
    logging.getLogger("alembic.runtime").warning("Running upgrade %s", "0001")
    line = lines.only()
    assert (line["event"], line["logger"]) == ("Running upgrade 0001", "alembic.runtime")
    assert line["time"].endswith("Z")


def test_python_warnings_are_log_lines(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert lines.only()["logger"] == "py.warnings"


def test_what_is_below_the_level_is_silent(lines: Lines) -> None:
    structlog.get_logger("gatehouse.feed").debug("quiet")
    logging.getLogger("sqlalchemy.engine").debug("quiet")
    assert lines.all() == []


def test_below_warning_only_our_own_loggers_are_heard(stream: io.StringIO) -> None:
    configure_logging("json", "debug", stream)
    structlog.get_logger("gatehouse.feed").debug("ours")
    logging.getLogger("procrastinate").info("Starting job mail(to='ada@example.com')")
    assert [line["event"] for line in Lines(stream).all()] == ["ours"]


def test_configuring_twice_does_not_double_lines(stream: io.StringIO, lines: Lines) -> None:
    configure_logging("json", "info", stream)
    structlog.get_logger("gatehouse.feed").info("once")
    assert lines.only()["event"] == "once"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "PASSWORD",
        "token",
        "tokens",
        "refresh_token",
        "refreshToken",
        "Authorization",
        "client-secret",
        "api_key",
        "X-Api-Key",
        "otp",
        "totp_code",
        "recovery_codes",
        "private_key",
        "ENCRYPTION_KEYS",
        "database_url",
        "set-cookie",
    ],
)
def test_a_secret_is_hidden_by_its_name_at_any_depth(lines: Lines, name: str) -> None:
    structlog.get_logger("gatehouse.x").info(
        "asked", **{name: "hunter2"}, request={"items": [{"inner": ({name: ["hunter2"]},)}]}
    )
    assert "hunter2" not in json.dumps(lines.only())


@pytest.mark.parametrize("name", ["token_id", "request_id", "subject", "key", "code", "path"])
def test_what_is_no_secret_stays_readable(lines: Lines, name: str) -> None:
    structlog.get_logger("gatehouse.x").info("asked", **{name: "plain"})
    assert lines.only()[name] == "plain"


@pytest.mark.parametrize(
    "text",
    [f"got {JWT} here", f"authorization: Bearer {JWT[4:]}", "postgresql://me:hunter2@db/x refused"],
)
def test_a_secret_is_hidden_by_its_look(lines: Lines, text: str) -> None:
    structlog.get_logger("gatehouse.x").info(text, why=[text])
    logging.getLogger("other").warning("%s", text)
    shown = json.dumps(lines.all())
    assert JWT[4:] not in shown
    assert "hunter2" not in shown
    assert shown.count("(hidden)") == 3


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_has_no_local_variables_and_no_tokens(stream: io.StringIO, form: str) -> None:
    configure_logging(form, "info", stream)
    password = "hunter" + "2"
    try:
        raise RuntimeError(f"cannot verify {JWT}")
    except RuntimeError:
        structlog.get_logger("gatehouse.x").exception("fault")
    shown = stream.getvalue()
    assert "RuntimeError: cannot verify (hidden)" in shown
    assert password not in shown


def test_objects_are_shown_without_the_secrets_in_them(lines: Lines) -> None:
    class Thing:
        def __repr__(self) -> str:
            return f"<Thing {JWT}>"

    structlog.get_logger("gatehouse.x").info("seen", thing=Thing(), raw=b"hunter2")
    line = lines.only()
    assert line["thing"] == "<Thing (hidden)>"
    assert line["raw"] == "(7 bytes)"


def test_a_line_break_in_a_value_does_not_make_a_second_line(lines: Lines) -> None:
    structlog.get_logger("gatehouse.x").info("a\nb", why="c\r\nd")
    assert lines.only()["event"] == "a\nb"


def test_colours_are_for_terminals() -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        configure_logging("console", "info", stream)
        structlog.get_logger("gatehouse.x").info("hello", why="because")
    assert "\x1b[" in terminal.getvalue()
    assert "\x1b[" not in file.getvalue()
    assert "hello" in file.getvalue()


def test_the_form_is_for_people_on_a_terminal_only() -> None:
    assert log_format(Terminal()) == "console"
    assert log_format(io.StringIO()) == "json"
