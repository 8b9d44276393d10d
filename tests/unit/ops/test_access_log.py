"""Each finished call has one line, and no call ever waits for it to be written."""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.kernel.call import Call
from service.kernel.clock import Clock
from service.kernel.principal import Principal
from service.ops import access_log
from service.ops.access_log import AccessLog

SUBJECT = "users/0190c1d2-0000-7000-8000-000000000001"
METHOD = "/gatehouse.users.v1.UserService/GetUser"


def call(request_id: str = "request-1", peer: str = "10.0.0.1") -> Call:
    now = datetime.now(UTC)
    caller = Principal(SUBJECT, "sessions/1", "token-1", frozenset(), now, now)
    return Call(request_id, peer, METHOD, caller)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


class Opened:
    """A file, and access logs that write to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        self.logs: list[AccessLog] = []

    def log(self, form: str = "json") -> AccessLog:
        log = AccessLog(self.descriptor, form, Clock())
        log.start()
        self.logs.append(log)
        return log

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path / "access.log")
    yield opened
    for log in opened.logs:
        log.stop()
    os.close(opened.descriptor)


class Pipe:
    """A pipe with a log on its one end and nobody, so far, who reads at the other."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self.reading = os.fdopen(reading, "rb", buffering=0)
        self.writing = os.fdopen(writing, "wb", buffering=0)
        self.log = AccessLog(writing, "json", Clock())

    def close(self) -> None:
        self.reading.close()  # lets a blocked writer go
        self.log.stop()
        self.writing.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    opened = Pipe()
    yield opened
    opened.close()


def test_a_line_tells_who_called_what_from_where_and_how_it_ended(file: Opened) -> None:
    log = file.log()
    log.write(call(), "NOT_FOUND", 0.0123456)
    log.stop()
    [line] = map(json.loads, file.lines())
    assert abs(datetime.fromisoformat(line.pop("time")).timestamp() - time.time()) < 5
    assert line == {
        "level": "info",
        "logger": "gatehouse.access",
        "event": "call",
        "request_id": "request-1",
        "method": METHOD,
        "code": "NOT_FOUND",
        "duration_ms": 12.346,
        "subject": SUBJECT,
        "peer": "10.0.0.1",
    }


def test_the_time_of_a_line_has_milliseconds_and_is_utc() -> None:
    assert access_log._time(1_700_000_000.0079) == "2023-11-14T22:13:20.007Z"


def test_people_get_one_line_too(file: Opened) -> None:
    log = file.log("console")
    log.write(Call("request-2", "", METHOD), "OK", 0.001)
    log.stop()
    [line] = file.lines()
    assert line.split(" ")[1:] == ["OK", METHOD, "1.000ms", "-", "-", "request-2"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_a_client_sends_can_forge_a_line(file: Opened, form: str) -> None:
    log = file.log(form)
    log.write(call(request_id='x"\n{"event":"call"}', peer="\x1b[2J\u2028"), "OK", 0.001)
    log.stop()
    [line] = file.lines()
    assert line.isprintable()


def test_a_line_is_written_while_nobody_else_calls(file: Opened) -> None:
    log = file.log()
    for number in range(3):
        log.write(call(), "OK", 0.001)
        wait_until(lambda expected=number + 1: len(file.lines()) == expected)


def test_lines_are_written_together(file: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []

    def write(descriptor: int, content: memoryview) -> int:
        writes.append(len(content))
        return len(content)

    monkeypatch.setattr(access_log.os, "write", write)
    log = file.log()
    for _ in range(500):
        log.write(call(), "OK", 0.001)
    log.stop()
    assert len(writes) < 10
    assert log.dropped == 0


def test_what_a_stream_takes_in_parts_arrives_whole(
    file: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(access_log.os, "write", lambda where, what: write(where, what[:7]))
    log = file.log()
    log.write(call("one"), "OK", 0.001)
    log.write(call("two"), "OK", 0.001)
    log.stop()
    assert [json.loads(line)["request_id"] for line in file.lines()] == ["one", "two"]


def test_stopping_writes_what_is_left(file: Opened) -> None:
    log = file.log()
    for number in range(1000):
        log.write(call(str(number)), "OK", 0.001)
    log.stop()
    assert len(file.lines()) == 1000


def test_a_stream_that_blocks_costs_lines_and_never_a_call(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "_LAST_WORDS", 0.2)
    pipe.log.start()
    started = time.monotonic()
    for _ in range(30_000):
        pipe.log.write(call(), "OK", 0.001)
    wait_until(lambda: pipe.log.dropped > 0)
    pipe.log.stop()
    assert time.monotonic() - started < 8
    assert len(pipe.log._waiting) <= access_log._LIMIT


def test_a_stream_that_is_gone_costs_lines_and_never_a_call(pipe: Pipe) -> None:
    pipe.reading.close()
    pipe.log.start()
    for expected in (1, 2):
        pipe.log.write(call(), "OK", 0.001)
        wait_until(lambda expected=expected: pipe.log.dropped == expected)


def test_a_stream_that_somebody_made_non_blocking_is_written_to_in_the_end(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing.fileno(), False)
    pipe.log.start()
    for _ in range(2000):  # several times what a pipe takes
        pipe.log.write(call(), "OK", 0.001)
    received = b""
    while received.count(b"\n") < 2000:
        received += pipe.reading.read(65536)
    assert pipe.log.dropped == 0
