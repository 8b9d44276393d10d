"""A Gatehouse with a worker beside it, and the mail that they write."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from service.wiring import BackgroundWork
from tests.support.clients import Client, Credentials, Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings
from tests.support.mailbox import Mailbox, token_in


@dataclass
class Post:
    """A house that sends mail, and all that was sent."""

    house: House
    mailbox: Mailbox

    def reset_token(self, email: str) -> str:
        """A token for ResetPassword, as it came by mail."""
        return self._token(
            email, lambda: self.house.anonymous.auth.RequestPasswordReset(email=email)
        )

    def verification_token(self, person: Person) -> str:
        """A token for VerifyEmail."""
        return self._token(person.email, person.auth.RequestEmailVerification)

    def let_a_minute_pass(self) -> None:
        """As far as the tokens that were made know."""
        self.house.sql("UPDATE mailed_tokens SET create_time = create_time - interval '1 minute'")

    def settled(self) -> None:
        """Waits until the queue has no mail left to send."""
        from tests.support.waiting import wait_until

        wait_until(lambda: not self.house.sql(_TO_SEND), "an empty queue")

    def _token(self, email: str, ask: Callable[[], object]) -> str:
        already = len(self.mailbox.to(email))
        ask()
        return token_in(self.mailbox.next_to(email, after=already))


_TO_SEND = "SELECT 1 FROM procrastinate_jobs WHERE task_name = 'send_mailed_token'"


@pytest.fixture(scope="session")
def post(databases: Databases) -> Iterator[Post]:
    with house(databases.new(), settings()) as running:
        given = running.application._settings
        background = BackgroundWork(given, running.stores)
        background.start()
        yield Post(running, Mailbox(given.mail_folder))
        background.stop()


@pytest.fixture
def ada(post: Post) -> Person:
    """Somebody, new for each test."""
    return post.house.new_person(display_name="Ada Lovelace")


@pytest.fixture
def anonymous(post: Post) -> Client:
    """Someone without a token."""
    return post.house.anonymous


@pytest.fixture
def pending(post: Post) -> Credentials:
    """Somebody who has no password yet."""
    from tests.support.house import new_email

    email = new_email()
    made = post.house.admin.users.CreateUser(user={"email": email})
    return Credentials(made.user.name, email, "")
