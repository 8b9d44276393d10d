"""The server may be away, refuse or hang, and a worker be killed: the mail comes, or is gone."""

import os
import re
import signal
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import pytest
import structlog

from service.mail import smtp
from service.mail.smtp import SmtpServer
from service.wiring import Stores
from tests.support.clients import Credentials
from tests.support.databases import RING_KEY, Databases
from tests.support.house import House, house, settings, worked_off
from tests.support.mailbox import token_in
from tests.support.post import Post, posting
from tests.support.smtp import PostOffice, free_port, post_office
from tests.support.waiting import wait_until

NEW = "eleven green lanterns hum"
_COMMAND = Path(sys.executable).with_name("gatehouse")
_JOBS = "SELECT status, attempts FROM procrastinate_jobs WHERE task_name = 'send_mailed_token'"
_DUE = (
    "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE task_name = 'send_mailed_token'"
    " RETURNING pg_notify('procrastinate_any_queue_v1', :news)"
)
_LAST_TRY = "UPDATE procrastinate_jobs SET attempts = 8 WHERE task_name = 'send_mailed_token'"


def by(port: int) -> Any:
    """Settings to send by the server on this port."""
    server = SmtpServer.parse(f"smtp://127.0.0.1:{port}")
    return settings(smtp_url=server, mail_from=Address("Example", "no-reply", "example.org"))


@pytest.fixture
def stores(databases: Databases) -> Stores:
    return databases.new()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def served(stores: Stores, port: int) -> Iterator[House]:
    """With nobody to work the queue off."""
    with house(stores, by(port)) as running:
        yield running


def reset(running: House, user: Credentials, office: PostOffice, *, after: int = 0) -> None:
    """Uses the token that has arrived."""
    token = token_in(office.next_to(user.email, after=after))
    running.anonymous.auth.ResetPassword(token=token, new_password=NEW)
    running.sign_in(Credentials(user.name, user.email, NEW))


def at_once(running: House) -> None:
    """What is to be tried again later is tried now; workers would look in some seconds."""
    assert running.sql(_DUE, news='{"type": "job_inserted", "job_id": 1}')


def tried(running: House, times: int) -> None:
    wait_until(
        lambda: [tuple(it) for it in running.sql(_JOBS)] == [("todo", times)], f"{times} tries"
    )


def test_while_the_server_is_away_it_is_tried_again(served: House, port: int) -> None:
    user = served.new_user()
    served.anonymous.auth.RequestPasswordReset(email=user.email)
    with worked_off(served):
        tried(served, 1)
        at_once(served)
        tried(served, 2)
        with post_office(port=port) as office:
            at_once(served)
            reset(served, user, office)
            wait_until(lambda: not served.sql(_JOBS), "the end of the job")
    told = served.sql("SELECT 1 FROM events WHERE type = 'gatehouse.auth.password_reset_requested'")
    assert len(told) == 1


def test_each_wait_is_longer_and_all_together_take_an_hour() -> None:
    from service.jobs.mail import _WAITS

    assert _WAITS == sorted(set(_WAITS))
    assert 50 * 60 < sum(_WAITS) < 70 * 60


def test_after_the_last_try_nothing_is_left(served: House) -> None:
    user = served.new_user()
    served.anonymous.auth.RequestPasswordReset(email=user.email)
    served.sql(_LAST_TRY)
    with structlog.testing.capture_logs() as lines, worked_off(served):
        wait_until(lambda: not served.sql(_JOBS), "the end of the job")
    [line] = [it for it in lines if it["event"] == "a mail was given up"]
    assert line["why"] == "the server cannot be reached: Connection refused"
    assert user.email not in str(lines)


def test_what_the_server_refuses_for_good_is_not_tried_again(served: House, port: int) -> None:
    user = served.new_user()
    served.anonymous.auth.RequestPasswordReset(email=user.email)
    with post_office(port=port) as office, structlog.testing.capture_logs() as lines:
        office.refuses = "550 5.1.1 {address} is not here"
        with worked_off(served):
            wait_until(lambda: not served.sql(_JOBS), "the end of the job")
        assert office.asked == 1
    [line] = [it for it in lines if it["event"] == "a mail was given up"]
    assert line["why"] == "the server refused the recipient (550 5.1.1)"
    assert user.email not in str(lines)


def test_a_server_that_hangs_costs_one_try(
    served: House, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_PATIENCE", 0.2)
    user = served.new_user()
    served.anonymous.auth.RequestPasswordReset(email=user.email)
    with post_office(port=port) as office, worked_off(served):
        office.hangs = True
        tried(served, 1)
        office.hangs = False
        at_once(served)
        reset(served, user, office)


def test_what_is_tried_again_leaves_the_tokens_of_other_mails_good(
    served: House, port: int
) -> None:
    user = served.new_user()
    served.anonymous.auth.RequestPasswordReset(email=user.email)
    with worked_off(served):
        tried(served, 1)
        served.sql("UPDATE mailed_tokens SET create_time = create_time - interval '2 minutes'")
        with post_office(port=port) as office:
            served.anonymous.auth.RequestPasswordReset(email=user.email)
            office.next_to(user.email)
            at_once(served)
            wait_until(lambda: not served.sql(_JOBS), "the end of both jobs")
            assert len(office.to(user.email)) == 2
            assert len(served.sql("SELECT 1 FROM mailed_tokens")) == 2
            reset(served, user, office)


@contextmanager
def worker(stores: Stores, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker in a process of its own, which may be killed."""
    given = {
        "GATEHOUSE_DATABASE_URL": stores.database_url.replace("+psycopg", ""),
        "GATEHOUSE_REDIS_URL": stores.redis_url,
        "GATEHOUSE_ENCRYPTION_KEYS": b64encode(RING_KEY).decode(),
        "GATEHOUSE_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "GATEHOUSE_MAIL_FROM": "no-reply@example.org",
    }
    with subprocess.Popen([_COMMAND, "worker"], env=os.environ | given) as process:
        yield process
        process.kill()


def test_what_a_killed_worker_had_begun_another_takes_up(
    stores: Stores, served: House, port: int
) -> None:
    user = served.new_user()
    served.anonymous.auth.RequestPasswordReset(email=user.email)
    with post_office(port=port) as office, ExitStack() as workers:
        office.hangs = True
        killed = workers.enter_context(worker(stores, port))
        wait_until(lambda: office.asked, "the mail, half sent")
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        office.hangs = False
        # So that nobody waits for half a minute without life, and for the next full minute.
        served.sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
        served.sql("DELETE FROM procrastinate_periodic_defers")
        workers.enter_context(worker(stores, port))
        reset(served, user, office)
        assert len(office.to(user.email)) == 1


def test_neither_address_nor_token_is_kept_or_logged(stores: Stores) -> None:
    with ExitStack() as running:
        lines = running.enter_context(structlog.testing.capture_logs())
        office = running.enter_context(post_office())
        post: Post = running.enter_context(posting(stores, by(office.port), office))
        user = post.house.new_user()
        stranger = "nobody-has-this-address@example.org"
        post.ask_for_reset(stranger)
        token = post.reset_token(user.email)
        post.settle()
        office.refuses = "451 {address}: not now"
        waiting = post.house.new_user().email
        post.ask_for_reset(waiting)
        tried(post.house, 1)
        kept = "\n".join(everything(post.house))
    assert "send_mailed_token" in kept
    for secret in (user.email, waiting, stranger, token):
        assert secret not in kept
        assert secret.encode().hex() not in kept  # as bytes are shown
        assert secret not in str(lines)


def everything(running: House) -> Iterator[str]:
    """Each row of each table, as text, and what is base64 in it once more as what that says."""
    tables = running.sql(
        "SELECT quote_ident(tablename) AS it FROM pg_tables WHERE schemaname = 'public'"
    )
    for table in tables:
        for row in running.sql(f"SELECT whole::text AS it FROM {table.it} AS whole"):
            yield f"{table.it}: {row.it}"
            for coded in re.findall(r"[A-Za-z0-9+/]{40,}={0,2}", row.it):
                yield b64decode(coded[: len(coded) // 4 * 4]).decode("latin-1")
