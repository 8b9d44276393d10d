"""Transfers that go wrong, as one is told of them."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from time import time
from urllib.parse import quote

import grpc
import pytest

from tests.support.commands import Done, Shell, finish
from tests.unit.client.small_file_service import (
    NAME,
    Cut,
    SmallFileService,
    small_file_service,
)

CONTENT = os.urandom(700_001)
NO_PAUSES = "from gatehouse_client import files; files.PAUSES = (0.0,) * 5"


@pytest.fixture
def service() -> Iterator[SmallFileService]:
    with small_file_service(CONTENT, chunk=64 * 1024) as running:
        yield running


@pytest.fixture
def shell(service: SmallFileService, tmp_path: Path) -> Shell:
    """The terminal of someone who has signed in, with a token that nobody looks at."""
    kept = {"session": "", "access_token": "", "refresh_token": "", "issued": time() - 1}
    file = tmp_path / "home" / "gatehouse" / "tokens" / f"{quote(service.address, safe='')}.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(kept | {"expires": time() + 3600}))
    return Shell(tmp_path / "home", GATEHOUSE_SERVER=service.address)


def run(shell: Shell, *arguments: str | Path, typed: str = "") -> Done:
    return finish(shell.start("files", *arguments, code=NO_PAUSES), typed)


def test_a_download_that_is_given_up_says_how_to_go_on(
    service: SmallFileService, shell: Shell, tmp_path: Path
) -> None:
    service.cuts = [Cut(300_000)] * 6
    target = tmp_path / "q3.pdf"
    part = tmp_path / ".q3.pdf.gatehouse-part"
    done = run(shell, "get", NAME, target)
    assert done.code == 1
    note, line = done.err.splitlines()
    assert note == f"What arrived is kept in {part}: the same command goes on with it."
    assert line.startswith("gatehouse: ")
    assert "[UNAVAILABLE]" in line
    assert not target.exists()
    done = run(shell, "get", NAME, target)
    assert done.err == "Going on where it was: 300.0 kB of 700.0 kB are there.\n"
    assert target.read_bytes() == CONTENT


def test_what_no_download_left_is_not_said_to_be_kept_by_one(shell: Shell, tmp_path: Path) -> None:
    part = tmp_path / ".q3.pdf.gatehouse-part"
    part.write_text("precious")
    done = run(shell, "get", NAME, tmp_path / "q3.pdf")
    said = "it is not what a download has left: move it away"
    assert (done.code, done.err) == (1, f"gatehouse: {part}: {said}\n")
    assert part.read_text() == "precious"


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_refused_download_leaves_nothing_and_takes_nothing(
    service: SmallFileService, shell: Shell, tmp_path: Path, signed_in: bool
) -> None:
    others = tmp_path / "q3.pdf.part"
    others.write_text("precious")
    if signed_in:
        service.cuts = [Cut(0, grpc.StatusCode.NOT_FOUND, "FILE_NOT_FOUND")]
    else:
        shutil.rmtree(tmp_path / "home")
    done = run(shell, "get", NAME, tmp_path / "q3.pdf")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert others.read_text() == "precious"
    assert [it for it in tmp_path.iterdir() if it.is_file()] == [others]


@pytest.mark.parametrize("local", ["q3.pdf", "-"])
def test_what_arrives_damaged_is_an_error(
    service: SmallFileService, shell: Shell, tmp_path: Path, local: str
) -> None:
    service.told_sha256 = "0" * 64
    # What is printed meanwhile is no text.
    arguments = ["get", NAME, local if local == "-" else str(tmp_path / local)]
    service.content = b"one small step"
    done = run(shell, *arguments)
    assert done.code == 1
    assert done.err.startswith(f"gatehouse: {NAME} arrived damaged: 14 bytes with the SHA-256 ")
    assert done.err.endswith(": repeat the command\n")
    assert [it.name for it in tmp_path.glob("*q3*")] == []


def test_a_full_disk_is_told_in_one_line(service: SmallFileService, shell: Shell) -> None:
    with Path("/dev/full").open("wb") as full:
        process = shell.start("files", "get", NAME, "-", stdout=full)
        done = finish(process)
    assert (done.code, done.err) == (1, "gatehouse: No space left on device\n")


def test_what_changes_while_it_is_read_is_told(
    service: SmallFileService, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "log").write_bytes(CONTENT)
    service.cuts = [Cut(1, grpc.StatusCode.INVALID_ARGUMENT, "CONTENT_MISMATCH")]
    line = run(shell, "put", tmp_path / "log", NAME).line
    assert "CONTENT_MISMATCH]: did it change while it was read? repeat the command" in line


def test_what_is_piped_is_sent_once(service: SmallFileService, shell: Shell) -> None:
    service.cuts = [Cut(1, grpc.StatusCode.CANCELLED, "UPLOAD_GIVEN_UP")]
    line = run(shell, "put", "-", NAME, typed="one small step").line
    assert "UPLOAD_GIVEN_UP]: repeat the command" in line
    assert len(service.headers) == 1


@pytest.mark.parametrize(
    ("options", "do"), [([], "--replace replaces it"), (["--replace"], "repeat the command")]
)
def test_what_to_do_about_a_name_that_is_taken_depends_on_what_was_asked(
    service: SmallFileService, shell: Shell, options: list[str], do: str
) -> None:
    service.cuts = [Cut(0, grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN")]
    line = run(shell, "put", "/dev/null", NAME, *options).line
    assert line == f"gatehouse: there is a {NAME} already [ALREADY_EXISTS, NAME_TAKEN]: {do}"
