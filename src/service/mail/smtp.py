"""Sending by SMTP (RFC 5321), as a client of the company's own server (RFC 6409, RFC 8314)."""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from enum import Enum, auto
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from service.mail.errors import NotSent, Refused

_PATIENCE = 10.0  # seconds for connecting, and for each answer
_TAKES = "smtp://[user:password@]host[:port] or smtps://…, without path, query or fragment"


class Security(Enum):
    """How what is sent is kept from others' eyes."""

    TLS = auto()
    STARTTLS = auto()
    LOOPBACK = auto()


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A server that takes mail, and who we are to it."""

    host: str
    port: int
    security: Security
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @staticmethod
    def parse(text: str) -> "SmtpServer":
        """`smtps://` is TLS from the start, `smtp://` STARTTLS: on loopback alone, neither.

        User and password are percent-encoded. Raises ValueError with what the setting takes.
        """
        try:
            url = urlsplit(text)
            port, host = url.port, url.hostname or ""
        except ValueError:
            raise ValueError(_TAKES) from None
        rest = url.path.strip("/") or url.query or url.fragment
        plain = text.isascii() and text.isprintable() and not set(" \\") & set(text)
        if url.scheme not in {"smtp", "smtps"} or not host or rest or port == 0 or not plain:
            raise ValueError(_TAKES)
        user, password = unquote(url.username or ""), unquote(url.password or "")
        known = user + password
        if bool(user) != bool(password) or not (known.isascii() and known.isprintable()):
            raise ValueError(_TAKES)
        if url.scheme == "smtps":
            return SmtpServer(host, port or 465, Security.TLS, user, password)
        security = Security.LOOPBACK if _is_loopback(host) else Security.STARTTLS
        return SmtpServer(host, port or 587, security, user, password)


class SmtpMailer:
    """Sends each message over a connection of its own: mails are few, and connections grow old."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    def send(self, message: EmailMessage) -> None:
        """Returns once the server has taken the message. Raises NotSent, Refused."""
        recipient = _only(message["To"].addresses)
        sender = _only(message["From"].addresses)
        with _in_our_words(), self._connected() as smtp:
            smtp.send_message(message, sender.addr_spec, [recipient.addr_spec])

    def check(self) -> None:
        """Signs in to the server, and sends nothing. Raises NotSent."""
        with _in_our_words(), self._connected() as smtp:
            smtp.noop()

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        context = ssl.create_default_context()
        if server.security is Security.TLS:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=_PATIENCE, context=context
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=_PATIENCE)
        try:
            if server.security is Security.STARTTLS:
                smtp.starttls(context=context)
            if server.user:
                smtp.login(server.user, server.password)
            yield smtp
        finally:
            # What was taken stays taken, whatever the server says at the end.
            with suppress(OSError):
                smtp.quit()
            smtp.close()


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Faults, without what servers write, which may repeat an address or what was sent."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        [(code, text)] = error.recipients.values()
        raise _refusal("the recipient", code, text) from None
    except smtplib.SMTPDataError as error:
        raise _refusal("the message", error.smtp_code, error.smtp_error) from None
    except (OSError, ValueError) as error:  # ValueError: what the server says is no SMTP
        raise NotSent(_why(error)) from None


def _why(error: Exception) -> str:
    """Why the server was of no use, whatever the message: an operator may put it right."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"the server refused user or password ({error.smtp_code})"
        case smtplib.SMTPSenderRefused():
            return f"the server refused the sender ({error.smtp_code})"
        case smtplib.SMTPNotSupportedError():
            return "the server does not offer STARTTLS, a sign-in or addresses as ours"
        case smtplib.SMTPResponseException():
            return f"the server answered {error.smtp_code}"
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not trusted: {error.verify_message}"
        case TimeoutError():
            return "the server did not answer in time"
        case smtplib.SMTPServerDisconnected(__context__=TimeoutError() as cause):
            return _why(cause)
        case smtplib.SMTPServerDisconnected():
            return "the server closed the connection"
        case smtplib.SMTPException() | ValueError():
            return f"the server did not speak as it should ({type(error).__name__})"
        case _:
            return f"the server cannot be reached: {getattr(error, 'strerror', None) or error}"


def _refusal(what: str, code: int, text: bytes | str) -> NotSent:
    """5xx is for good (RFC 5321, 4.2.1); the enhanced code (RFC 3463) says more to who knows it."""
    said = text if isinstance(text, bytes) else text.encode()
    enhanced = re.match(rb"[245]\.\d{1,3}\.\d{1,3}\b", said)
    told = f"{code} {enhanced[0].decode()}" if enhanced else f"{code}"
    kind = Refused if 500 <= code < 600 else NotSent
    return kind(f"the server refused {what} ({told})")


def _only(addresses: tuple[Address, ...]) -> Address:
    [address] = addresses
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
