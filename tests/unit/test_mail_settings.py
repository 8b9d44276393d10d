"""Settings of mail are read, or refused in one line that tells no secret."""

from email.headerregistry import Address

import pytest

from service.mail.smtp import Security, SmtpServer
from tests.unit.test_settings import read, refused

FROM = {"MAIL_FROM": "no-reply@example.org"}


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.example.org", SmtpServer("mail.example.org", 465, Security.TLS)),
        ("smtp://mail.example.org", SmtpServer("mail.example.org", 587, Security.STARTTLS)),
        ("smtp://mail.example.org:25/", SmtpServer("mail.example.org", 25, Security.STARTTLS)),
        ("smtp://localhost:25", SmtpServer("localhost", 25, Security.LOOPBACK)),
        ("smtp://[::1]", SmtpServer("::1", 587, Security.LOOPBACK)),
        ("smtps://127.0.0.1", SmtpServer("127.0.0.1", 465, Security.TLS)),
        (
            "smtps://gate%40example.org:p%3Ass%20%2F@mail:2465",
            SmtpServer("mail", 2465, Security.TLS, "gate@example.org", "p:ss /"),
        ),
    ],
)
def test_a_server_is_read_from_its_url(url: str, server: SmtpServer) -> None:
    assert read(SMTP_URL=url, **FROM).smtp_url == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "http://mail.example.org",
        "smtp://",
        "smtp://mail:0",
        "smtp://mail:hunter2",
        "smtp://mail/path",
        "smtp://mail?tls=off",
        "smtp://mail#x",
        "smtp://user@mail",
        "smtp://:hunter2@mail",
        "smtp://user:hunter2%0D%0A@mail",
        "smtp://user:hunter2%C3%A9@mail",
        "smtp://ma il",
    ],
)
def test_another_url_is_refused_and_not_shown(url: str) -> None:
    line = refused(SMTP_URL=url, **FROM)
    assert line.startswith("GATEHOUSE_SMTP_URL is (hidden): it takes smtp://[user:password@]host")
    assert "hunter2" not in line


def test_its_password_stays_out_of_the_repr() -> None:
    chosen = read(SMTP_URL="smtps://gate:hunter2@mail", **FROM)
    assert "hunter2" not in repr(chosen)
    assert "hunter2" not in repr(chosen.smtp_url)


def test_a_server_needs_to_know_whom_mail_is_from() -> None:
    line = refused(SMTP_URL="smtps://gate:hunter2@mail")
    assert line == "GATEHOUSE_SMTP_URL is set: it takes GATEHOUSE_MAIL_FROM beside it"


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("no-reply@example.org", Address("", "no-reply", "example.org")),
        ("Example Ltd. <no-reply@example.org>", Address("Example Ltd.", "no-reply", "example.org")),
        ("Bücher <b@example.org>", Address("Bücher", "b", "example.org")),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(text: str, sender: Address) -> None:
    assert read(MAIL_FROM=text).mail_from == sender


@pytest.mark.parametrize(
    "text",
    ["nobody", "<a@b.org>", "A <a@b.org> ", "a@b.org, c@d.org", "A\r\nBcc: x <a@b.org>", "é@b.org"],
)
def test_another_sender_is_refused(text: str) -> None:
    assert "it takes an e-mail address, or Name <address>" in refused(MAIL_FROM=text)


@pytest.mark.parametrize("name", ["PASSWORD_RESET_URL", "EMAIL_VERIFICATION_URL"])
class TestAPage:
    @pytest.mark.parametrize(
        "url",
        [
            "https://app.example.org/reset?token={token}",
            "https://app.example.org/reset/{token}",
            "https://app.example.org/#/reset/{token}",
            "http://localhost:3000/reset?token={token}&from=mail",
        ],
    )
    def test_has_the_token_in_it(self, name: str, url: str) -> None:
        assert getattr(read(**{name: url}), name.lower()) == url

    @pytest.mark.parametrize(
        "url",
        [
            "https://app.example.org/reset",
            "https://app.example.org/{token}/{token}",
            "https://{token}.example.org/",
            "https://app.example.org/{tokens}",
            "https://app.example.org/{token}?x={y}",
            "http://app.example.org/{token}",
            "https://user:hunter2@app.example.org/{token}",
            "https:///{token}",
            "https://app.example.org/ {token}",
            "https://app.example.org/<b>{token}",
            "app.example.org/{token}",
            "https://app.example.org/" + "x" * 500 + "{token}",
        ],
    )
    def test_is_https_and_has_it_once(self, name: str, url: str) -> None:
        assert "it takes an https:// URL with {token} once after the host" in refused(**{name: url})
