"""How messages leave: by an SMTP server, or into a folder where there is none."""

from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from service.mail.folder import MailFolder
from service.mail.smtp import SmtpMailer, SmtpServer


class Mailer(Protocol):
    """Sends messages."""

    def send(self, message: EmailMessage) -> None:
        """Returns once the message was taken by whoever brings it. Raises NotSent, Refused."""


def create_mailer(server: SmtpServer | None, folder: Path) -> Mailer:
    """Sends to the server, or else writes to the folder."""
    return SmtpMailer(server) if server else MailFolder(folder)
