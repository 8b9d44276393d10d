"""A Gatehouse with a worker beside it, and the mail that they send."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from service.settings import Settings
from service.wiring import Stores
from tests.support.clients import Person
from tests.support.house import House, house, worked_off
from tests.support.mailbox import Letters, Mailbox, token_in
from tests.support.waiting import wait_until

_LEFT = "SELECT 1 FROM procrastinate_jobs WHERE task_name = 'send_mailed_token'"
_ADD = (
    "INSERT INTO mailed_tokens (user_id, purpose, hash, job, create_time, expire_time)"
    " VALUES (:user, :purpose, :hash, :job, now() - interval '1 hour', now() + interval '1 hour')"
)


class Post:
    """A house that sends mail, and where it arrives."""

    def __init__(self, house: House, letters: Letters) -> None:
        self.house = house
        self.letters = letters

    def reset_token(self, email: str) -> str:
        """A token for ResetPassword, as it came by mail."""
        return self._token(email, lambda: self.ask_for_reset(email))

    def verification_token(self, person: Person) -> str:
        """A token for VerifyEmail, as it came by mail."""
        return self._token(person.email, person.auth.RequestEmailVerification)

    def ask_for_reset(self, email: str) -> None:
        """Asks as anybody may."""
        self.house.anonymous.auth.RequestPasswordReset(email=email)

    def let_two_minutes_pass(self) -> None:
        """As far as the tokens know that were made."""
        self.house.sql("UPDATE mailed_tokens SET create_time = create_time - interval '2 minutes'")

    def settle(self) -> None:
        """Waits until no mail is left to be sent."""
        wait_until(lambda: not self.house.sql(_LEFT), "an empty queue")

    def _token(self, email: str, ask: Callable[[], object]) -> str:
        already = len(self.letters.to(email))
        ask()
        return token_in(self.letters.next_to(email, after=already))


@contextmanager
def posting(stores: Stores, chosen: Settings, letters: Letters | None = None) -> Iterator[Post]:
    """Serves in this process and works its queue off; mail is read in the folder by default."""
    with house(stores, chosen) as running, worked_off(running):
        yield Post(running, letters or Mailbox(running.settings.mail_folder))


def give_token(house: House, user: str, purpose: str = "PASSWORD_RESET", **given: Any) -> str:
    """A token that a user has without any mail."""
    token = given.get("token", f"token-of-{user}-for-{purpose}")
    facts = {"user": user.split("/")[1], "purpose": purpose, "job": given.get("job", 0)}
    house.sql(_ADD, hash=sha256(token.encode()).digest(), **facts)
    return str(token)
