"""Where passwords come from."""

import io
import sys

import pytest
import typer

from service.cli import passwords
from service.cli.passwords import read_password


class Typed(io.StringIO):
    """Standard input."""

    def __init__(self, given: bytes = b"", *, terminal: bool = False) -> None:
        super().__init__()
        self.buffer = io.BytesIO(given)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize("given", [b"pass word\n", b"pass word\r\n", b"pass word", b"pass word\nx"])
def test_the_first_line_of_standard_input_is_the_password(
    monkeypatch: pytest.MonkeyPatch, given: bytes
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(given))
    assert read_password("?", from_stdin=True) == "pass word"


@pytest.mark.parametrize("given", [b"", b"\n", b"\xff\xfe\n"])
def test_nothing_and_what_is_no_text_are_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, given: bytes
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(given))
    with pytest.raises(typer.BadParameter):
        read_password("?", from_stdin=True)


def test_at_a_terminal_a_new_password_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(terminal=True))
    answers = iter(["one", "one", "one", "two"])
    monkeypatch.setattr(passwords, "getpass", lambda *_: next(answers))
    assert read_password("?", from_stdin=False, twice=True) == "one"
    with pytest.raises(typer.BadParameter, match="differ"):
        read_password("?", from_stdin=False, twice=True)
