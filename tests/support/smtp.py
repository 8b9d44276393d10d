"""An SMTP server on loopback, as well or as badly behaved as a test wants it."""

import asyncio
import logging
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.mailbox import Letters, read

logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@dataclass
class PostOffice(Letters):
    """What a server has taken, and how it behaves now.

    `refuses` answers RCPT so, `refuses_sender` MAIL, `parts` QUIT; `hangs` never answers DATA.
    """

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    signed_in: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    asked: int = 0
    refuses: str = ""
    refuses_sender: str = ""
    parts: str = "221 2.0.0 Bye"
    hangs: bool = False
    account: tuple[str, str] | None = None

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        envelope.mail_from = address
        return self.refuses_sender or "250 2.1.0 OK"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        return self.parts

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        self.asked += 1
        if self.refuses:
            return self.refuses.format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.hangs:
            await asyncio.Event().wait()
        assert isinstance(envelope.content, bytes)
        self.encrypted.append(session.ssl is not None)
        self.recipients += envelope.rcpt_tos
        self.taken.append(read(envelope.content))
        return "250 2.0.0 OK"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _how: str, data: Any
    ) -> Any:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        self.signed_in.append(given)
        return AuthResult(success=given == self.account, handled=False)

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.taken if mail["To"] == address]


@contextmanager
def post_office(
    *,
    port: int = 0,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    account: tuple[str, str] | None = None,
) -> Iterator[PostOffice]:
    """A server, for as long as the block runs; with `account` it takes mail from that one only."""
    office = PostOffice(account=account)
    loop = asyncio.new_event_loop()
    sessions: list[SMTP] = []

    def session() -> SMTP:
        # That a sign-in is asked for without TLS is said to be unwise, which on loopback it is not.
        with warnings.catch_warnings(action="ignore"):
            made = SMTP(
                office,
                hostname="localhost",
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=account is not None,
                auth_require_tls=starttls is not None,
                authenticator=office.authenticate,
                loop=loop,
            )
        sessions.append(made)
        return made

    server = loop.run_until_complete(
        loop.create_server(session, "127.0.0.1", port, ssl=tls, reuse_address=True)
    )
    office.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield office
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_closed(server, sessions))
        loop.close()


async def _closed(server: asyncio.Server, sessions: list[SMTP]) -> None:
    """Ends what is going on, and lets the sockets be closed."""
    server.close()
    for session in sessions:
        with suppress(AttributeError):  # never opened, or closed already (TLS of Python 3.11)
            session.transport.abort()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    for _ in range(5):  # a TLS transport takes several turns to close
        await asyncio.sleep(0)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
