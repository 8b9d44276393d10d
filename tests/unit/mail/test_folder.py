"""Where there is no mail server, each mail is a file that nobody else can read."""

import os
import stat
from email.message import EmailMessage
from pathlib import Path

import pytest

from service.mail.errors import NotSent
from service.mail.folder import MailFolder
from tests.support.mailbox import Mailbox


def a_message(subject: str = "x") -> EmailMessage:
    message = EmailMessage()
    message["To"] = "ada@example.org"
    message["Subject"] = subject
    return message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that is not there yet."""
    return tmp_path / "data" / "mail"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_files_are_ours_alone(folder: Path) -> None:
    before = os.umask(0)
    try:
        MailFolder(folder).send(a_message())
    finally:
        os.umask(before)
    [file] = folder.iterdir()
    assert (mode(folder), mode(file)) == (0o700, 0o600)


def test_a_folder_that_is_there_stays_as_it_is(folder: Path) -> None:
    folder.mkdir(mode=0o755, parents=True)
    MailFolder(folder).send(a_message())
    assert mode(folder) == 0o755


def test_names_sort_as_the_mails_were_sent(folder: Path) -> None:
    subjects = [str(number) for number in range(50)]
    for subject in subjects:
        MailFolder(folder).send(a_message(subject))
    assert [mail["Subject"] for mail in Mailbox(folder).all()] == subjects


def test_what_cannot_be_written_whole_is_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(NotSent, match="No space left on device"):
        MailFolder(folder).send(a_message())
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotSent, match="Not a directory"):
        MailFolder(tmp_path / "file" / "mail").send(a_message())
