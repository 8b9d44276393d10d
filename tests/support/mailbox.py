"""What has been mailed, read as people would read it."""

import re
from abc import ABC, abstractmethod
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.support.waiting import wait_until


class Letters(ABC):
    """Wherever mail arrives."""

    @abstractmethod
    def to(self, address: str) -> list[EmailMessage]:
        """What has come for the address, oldest first."""

    def next_to(self, address: str, *, after: int = 0) -> EmailMessage:
        """The mail to the address that comes after so many others, waited for."""
        wait_until(lambda: len(self.to(address)) > after, "a mail")
        return self.to(address)[after]


class Mailbox(Letters):
    """The folder that messages are written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.all() if mail["To"] == address]

    def all(self) -> list[EmailMessage]:
        """Everything, oldest first."""
        return [read(file.read_bytes()) for file in sorted(self.folder.glob("*.eml"))]


def read(content: bytes) -> EmailMessage:
    """A message, parsed strictly."""
    message = message_from_bytes(content, policy=default.clone(raise_on_defect=True))
    assert isinstance(message, EmailMessage)
    return message


def token_in(mail: EmailMessage) -> str:
    """The token that a mail shows, or has in its link: what stands alone on an indented line."""
    [line] = [it.strip() for it in mail.get_content().splitlines() if it.startswith("    ")]
    return str(re.findall(r"[\w-]{43}$", line)[0])
