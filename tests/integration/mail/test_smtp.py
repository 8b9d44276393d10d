"""Mail leaves by SMTP, encrypted and to whom it was meant, or it is said why not."""

import ssl
from collections.abc import Iterator
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

import pytest

from service.mail import smtp
from service.mail.errors import NotSent, Refused
from service.mail.messages import Messages
from service.mail.smtp import Security, SmtpMailer, SmtpServer
from tests.integration.ops.conftest import Authority
from tests.support.smtp import PostOffice, free_port, post_office

ADA = "ada@example.org"
ACCOUNT = ("gate@example.org", "p@ss:word/%")
_MESSAGES = Messages(
    Address("Example", "no-reply", "example.org"), reset_page=None, verification_page=None
)


def a_message(to: str = ADA) -> EmailMessage:
    return _MESSAGES.password_reset(to, "t" * 43, timedelta(minutes=30))


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's, with a certificate for localhost that this process trusts."""
    authority = Authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_bytes(authority.cert)
    return server_context(authority, tmp_path)


def server_context(authority: Authority, folder: Path) -> ssl.SSLContext:
    pair = authority.issue()
    (folder / "pair.pem").write_bytes(pair.cert + pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "pair.pem")
    return context


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as running:
        yield running


def on_loopback(office: PostOffice) -> SmtpMailer:
    return SmtpMailer(SmtpServer.parse(f"smtp://127.0.0.1:{office.port}"))


def test_a_message_arrives_as_it_was_written(office: PostOffice) -> None:
    on_loopback(office).send(a_message())
    [taken] = office.taken
    assert taken.get_content().replace("\r\n", "\n") == a_message().get_content()
    assert office.recipients == [ADA]


def test_with_starttls_it_is_encrypted_before_anyone_signs_in(tls: ssl.SSLContext) -> None:
    with post_office(starttls=tls, account=ACCOUNT) as office:
        mailer = SmtpMailer(SmtpServer("localhost", office.port, Security.STARTTLS, *ACCOUNT))
        mailer.send(a_message())
    assert office.encrypted == [True]
    assert office.signed_in == [ACCOUNT]


def test_with_tls_it_is_encrypted_from_the_start(tls: ssl.SSLContext) -> None:
    with post_office(tls=tls) as office:
        SmtpMailer(SmtpServer.parse(f"smtps://localhost:{office.port}")).send(a_message())
    assert office.taken


def test_without_starttls_nothing_is_said_that_is_not_for_all_to_hear() -> None:
    with post_office(account=ACCOUNT) as office:
        mailer = SmtpMailer(SmtpServer("localhost", office.port, Security.STARTTLS, *ACCOUNT))
        with pytest.raises(NotSent, match="does not offer STARTTLS"):
            mailer.send(a_message())
    assert not office.signed_in
    assert not office.taken


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    tmp_path: Path, security: Security
) -> None:
    theirs = server_context(Authority(), tmp_path)
    how = {"starttls" if security is Security.STARTTLS else "tls": theirs}
    with post_office(**how) as office, pytest.raises(NotSent, match="not trusted"):
        SmtpMailer(SmtpServer("localhost", office.port, security, *ACCOUNT)).send(a_message())
    assert not office.signed_in


def test_a_certificate_for_another_host_is_not_trusted(tls: ssl.SSLContext) -> None:
    # The certificate is for localhost and 127.0.0.1; this is another name of the same.
    with post_office(tls=tls) as office:
        mailer = SmtpMailer(SmtpServer("127.1", office.port, Security.TLS))
        with pytest.raises(NotSent, match=r"not trusted: .*mismatch"):
            mailer.send(a_message())


def test_a_wrong_password_is_told_without_it() -> None:
    with post_office(account=("gate", "other")) as office:
        url = f"smtp://gate:hunter2@127.0.0.1:{office.port}"
        with pytest.raises(NotSent, match=r"refused user or password \(535\)") as caught:
            SmtpMailer(SmtpServer.parse(url)).send(a_message())
    assert not isinstance(caught.value, Refused)
    assert "hunter2" not in repr(caught.value)


def test_what_is_refused_for_good_is_told_so_without_the_address(office: PostOffice) -> None:
    office.refuses = "550 5.1.1 no mailbox {address} here"
    with pytest.raises(Refused) as caught:
        on_loopback(office).send(a_message())
    assert str(caught.value) == "the server refused the recipient (550 5.1.1)"


def test_what_is_refused_for_now_may_be_sent_later(office: PostOffice) -> None:
    office.refuses = "451 4.7.1 {address}: greylisted"
    with pytest.raises(NotSent) as caught:
        on_loopback(office).send(a_message())
    assert not isinstance(caught.value, Refused)
    assert ADA not in str(caught.value)


def test_a_sender_that_is_refused_is_ours_to_put_right(office: PostOffice) -> None:
    office.refuses_sender = "530 5.7.0 Authentication required"
    with pytest.raises(NotSent, match=r"refused the sender \(530\)") as caught:
        on_loopback(office).send(a_message())
    assert not isinstance(caught.value, Refused)


def test_what_was_taken_is_sent_however_the_server_parts(office: PostOffice) -> None:
    office.parts = "421 4.3.0 I am not well"
    on_loopback(office).send(a_message())
    assert office.taken


def test_a_server_that_hangs_is_given_up(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_PATIENCE", 0.2)
    office.hangs = True
    with pytest.raises(NotSent, match="did not answer in time"):
        on_loopback(office).send(a_message())


def test_a_server_that_is_away_is_told_so() -> None:
    with pytest.raises(NotSent, match="cannot be reached: Connection refused"):
        SmtpMailer(SmtpServer.parse(f"smtp://127.0.0.1:{free_port()}")).send(a_message())


def test_a_check_signs_in_and_sends_nothing() -> None:
    with post_office(account=("gate", "hunter2")) as office:
        SmtpMailer(SmtpServer.parse(f"smtp://gate:hunter2@127.0.0.1:{office.port}")).check()
    assert office.signed_in == [("gate", "hunter2")]
    assert not office.taken
