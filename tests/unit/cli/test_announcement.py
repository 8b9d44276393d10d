"""What is announced can be typed again as it stands."""

import sys
from pathlib import Path

import pytest

from service.cli import announcement


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command stands, with a grpcurl beside it; no program is on PATH."""
    for name in ("gatehouse", "grpcurl"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "gatehouse")])
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    return tmp_path


def test_programs_on_path_are_called_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert announcement._this_command() == "gatehouse"
    assert announcement._grpcurl() == "grpcurl"


def test_programs_that_are_not_on_path_are_called_where_they_are(folder: Path) -> None:
    assert announcement._this_command() == str(folder / "gatehouse")
    assert announcement._grpcurl() == str(folder / "grpcurl")


def test_a_grpcurl_that_is_nowhere_is_still_called_by_name(folder: Path) -> None:
    (folder / "grpcurl").unlink()
    assert announcement._grpcurl() == "grpcurl"
