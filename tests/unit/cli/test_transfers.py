"""How far a transfer has come, at a terminal and elsewhere."""

import io

import pytest

from service.cli.transfers import Transfer


class Screen(io.StringIO):
    """What is printed to a terminal."""

    def isatty(self) -> bool:
        return True


def at_terminal(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Called in the test: pytest sets standard error anew after fixtures."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    return screen


def test_percent_and_bytes_are_shown_where_the_size_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = at_terminal(monkeypatch)
    with Transfer("q3.pdf") as told:
        told(0, 40_000_000)
        told(10_000_000, 40_000_000)
    shown = terminal.getvalue()
    assert "q3.pdf" in shown
    assert " 25 %  10.0 MB of 40.0 MB" in shown


def test_bytes_are_shown_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_terminal(monkeypatch)
    with Transfer("-") as told:
        told(0, None)
        told(10_000_000, None)
    shown = terminal.getvalue()
    assert "10.0 MB" in shown
    assert "%" not in shown


def test_what_was_there_before_is_told_and_counts_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_terminal(monkeypatch)
    with Transfer("q3.pdf") as told:
        told(10_000_000, 40_000_000)
    shown = terminal.getvalue()
    assert "Going on where it was: 10.0 MB of 40.0 MB are there." in shown
    assert " 25 %" in shown


def test_a_name_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_terminal(monkeypatch)
    with Transfer("[red]a\x1b]0;title\x07") as told:
        told(0, 1)
    shown = terminal.getvalue()
    assert "[red]a" in shown
    assert "\x1b]0;" not in shown


def test_an_empty_file_is_no_division_by_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    at_terminal(monkeypatch)
    with Transfer("empty") as told:
        told(0, 0)


def test_elsewhere_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with Transfer("q3.pdf") as told:
        told(0, 40)
        told(40, 40)
    assert stream.getvalue() == ""


def test_elsewhere_what_was_there_before_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with Transfer("q3.pdf") as told:
        told(10, 40)
    assert stream.getvalue() == "Going on where it was: 10 bytes of 40 bytes are there.\n"


def test_a_bar_may_be_left_out_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_terminal(monkeypatch)
    with Transfer("q3.pdf", shown=False) as told:
        told(0, 40)
    assert terminal.getvalue() == ""
