"""What is written to people, in plain text."""

from datetime import timedelta
from email import message_from_string
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, make_msgid
from importlib.resources import files
from string import Template

from service.mail.errors import Refused

_TEMPLATES = files("service.mail") / "templates"
_NO_ADDRESS = "what the account has for an address is none"
_NOT_IN_DOMAINS = set('()<>[]:;@\\,"=?')  # what RFC 5322 and RFC 2047 give a meaning
_LONGEST = 254  # characters, of an address


class Messages:
    """The messages that people get, from `sender`.

    The pages are URLs with `{token}` in them; without one, a message shows the token itself.
    """

    def __init__(
        self, sender: Address, *, reset_page: str | None, verification_page: str | None
    ) -> None:
        self._sender = sender
        self._reset_page = reset_page
        self._verification_page = verification_page

    def password_reset(self, to: str, token: str, lifetime: timedelta) -> EmailMessage:
        """How to set a new password. Raises Refused for what cannot be an address."""
        do, what = _step(token, self._reset_page)
        body = _written("password_reset.txt", do=do, what=what, lifetime=lifetime)
        return self._message(to, "Set a new password", body)

    def email_verification(self, to: str, token: str, lifetime: timedelta) -> EmailMessage:
        """How to show that one reads this mail. Raises Refused for what cannot be an address."""
        do, what = _step(token, self._verification_page)
        body = _written("email_verification.txt", do=do, what=what, lifetime=lifetime)
        return self._message(to, "Verify your e-mail address", body)

    def _message(self, to: str, subject: str, body: str) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = _address(to)
        message["Subject"] = subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._sender.domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes, please
        # As it stands, so that no link is broken into lines.
        message.set_content(body, cte="8bit")
        return message


def _address(text: str) -> Address:
    """Of one recipient, whatever is in the text; no line break gets into a header.

    The text must come back from a header as it is: the library writes what looks like an encoded
    word (RFC 2047) decoded, which is somebody else's address.
    """
    local, _, domain = text.rpartition("@")
    plain = text.isprintable() and " " not in text and not _NOT_IN_DOMAINS & set(domain)
    if not (local and domain and plain and len(text) <= _LONGEST):
        raise Refused(_NO_ADDRESS)
    address = Address(username=local, domain=domain)
    header = SMTPUTF8.header_factory("To", str(address)).fold(policy=SMTPUTF8)
    if message_from_string(header, policy=SMTPUTF8)["To"].addresses != (address,):
        raise Refused(_NO_ADDRESS)
    return address


def _step(token: str, page: str | None) -> tuple[str, str]:
    if page is None:
        return "give this token where you are asked for it", token
    return "open this page", page.replace("{token}", token)


def _written(template: str, *, lifetime: timedelta, **values: str) -> str:
    text = Template((_TEMPLATES / template).read_text("utf-8"))
    minutes = lifetime // timedelta(minutes=1)
    long = f"{minutes // 60} hours" if minutes % 60 == 0 else f"{minutes} minutes"
    return text.substitute(values, lifetime=long)
