"""`gatehouse doctor` on mail: the server is asked, and nothing is sent."""

from service.cli.checks import _mail
from service.cli.failure import Failed
from service.mail.smtp import SmtpServer
from tests.support.house import settings
from tests.support.smtp import free_port, post_office


def told(url: str) -> str:
    try:
        return _mail(settings(smtp_url=SmtpServer.parse(url)))
    except Failed as problem:
        return str(problem)


def test_a_server_that_takes_mail_is_well() -> None:
    with post_office(account=("gate", "hunter2")) as office:
        line = told(f"smtp://gate:hunter2@127.0.0.1:{office.port}")
        assert line.startswith(f"127.0.0.1:{office.port} takes it, in ")
        assert not office.taken


def test_one_that_does_not_is_told_with_what_to_look_at() -> None:
    with post_office(account=("gate", "other")) as office:
        line = told(f"smtp://gate:hunter2@127.0.0.1:{office.port}")
    assert "takes none: the server refused user or password (535)." in line
    assert "hunter2" not in line
    assert "Connection refused. Is it running" in told(f"smtp://127.0.0.1:{free_port()}")


def test_without_a_server_it_says_where_mail_is_written() -> None:
    assert _mail(settings()).endswith("/.gatehouse/mail")
