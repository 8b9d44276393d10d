"""The key file of the embedded mode: whole or not at all, and never written over."""

import os
from pathlib import Path

import pytest

from service.kernel.crypto import KeyRing
from service.storage import keyfile
from service.storage.keyfile import kept_ring


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "encryption.keys"


def fails(*_: object) -> None:
    raise OSError("killed here")


def test_it_is_made_once_and_is_nobody_elses_to_read(path: Path) -> None:
    sealed = kept_ring(path).seal(b"secret", "here")
    assert kept_ring(path).open(sealed, "here") == b"secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_kill_while_it_is_made_leaves_none_and_the_next_start_makes_it(
    path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(os, step, fails)
        with pytest.raises(OSError, match="killed here"):
            kept_ring(path)
    assert not path.exists()
    assert kept_ring(path)


def test_of_two_that_start_at_once_both_have_the_key_of_the_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = keyfile._make

    def make_second(path: Path) -> None:
        make(path)
        first.append(kept_ring(path))
        make(path)

    first: list[KeyRing] = []
    monkeypatch.setattr(keyfile, "_make", make_second)
    sealed = kept_ring(path).seal(b"secret", "here")
    assert first[0].open(sealed, "here") == b"secret"
