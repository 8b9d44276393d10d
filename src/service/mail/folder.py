"""A folder of messages, for where there is no SMTP server: laptops, tests, small installations."""

import os
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

from service.kernel import names
from service.mail.errors import NotSent


class MailFolder:
    """Writes a file for each message. They hold tokens, so nobody else may read them.

    A folder that is not there is made, and one that is there stays as open as it is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage) -> None:
        """Writes the message whole or not at all; the names sort by time. Raises NotSent."""
        file = self._folder / f"{names.new_id()}.eml"
        new = file.with_suffix(".new")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(bytes(message))
                stream.flush()
                os.fsync(descriptor)
            new.replace(file)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise NotSent(f"{self._folder}: {error.strerror}") from None
