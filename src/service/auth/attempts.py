"""Who may try to sign in, by whatever proof, and what the audit trail says of those refused."""

from dataclasses import replace

from service.auth.errors import SignInThrottled
from service.auth.models import SignInRefused
from service.auth.refusals import RefusalsTold
from service.auth.throttle import SignInThrottle
from service.kernel import names
from service.kernel.call import Call
from service.kernel.clock import Clock
from service.kernel.emails import comparable
from service.storage.database import Database
from service.users.service import UserService


class SignInAttempts:
    """Admits attempts and records refusals.

    A refusal that costs who tries nothing, so that they may try on and on, is recorded once a
    minute for each account and each address.
    """

    def __init__(
        self, database: Database, clock: Clock, throttle: SignInThrottle, users: UserService
    ) -> None:
        self._db = database
        self._throttle = throttle
        self._users = users
        self._told = RefusalsTold(clock)

    def admit(self, call: Call, email: str) -> None:
        """Counts an attempt at the account with this e-mail. Raises SignInThrottled."""
        try:
            self._throttle.admit(email, call.peer)
        except SignInThrottled:
            if self._is_first("throttled", comparable(email), call.peer):
                self.record(call, self._subject(email), cause="throttled")
            raise

    def admit_mail(self, call: Call, email: str, *, subject: str) -> None:
        """The same of who asks for a mail, as whom if anybody: nobody is looked up for it."""
        try:
            self._throttle.admit_mail(email, call.peer)
        except SignInThrottled:
            if self._is_first("throttled", comparable(email), call.peer):
                self.record(call, subject, cause="throttled")
            raise

    def admit_address(self, call: Call) -> None:
        """The same for who names no account yet."""
        try:
            self._throttle.admit_address(call.peer)
        except SignInThrottled:
            if self._is_first("throttled", call.peer):
                self.record(call, "", cause="throttled")
            raise

    def welcome(self, call: Call, email: str) -> None:
        """Notes that the account's owner signs in from the call's address."""
        self._throttle.welcome(email, call.peer)

    def refuse_key(self, call: Call, key: str, subject: str) -> None:
        """Records that an API key of the service account is no longer good."""
        if self._is_first("key", key):
            self.record(call, subject, key=key)

    def refuse_mailed_token(self, call: Call) -> None:
        """Records that a token from a mail is not good; whose it should be is not known."""
        if self._is_first("mailed_token", call.peer):
            self.record(call, "", cause="mailed_token")

    def record(self, call: Call, subject: str, **data: str) -> None:
        """Records a refusal, however many there were before."""
        # Of what is refused no answer is kept: a repeat is refused again.
        with self._db.transaction(replace(call, key=None)) as tx:
            tx.record(SignInRefused(subject, data))
            tx.commit(None)

    def _is_first(self, what: str, *of: str) -> bool:
        """Whether no such refusal was told of any of them in the last minute."""
        first = [self._told.is_first(f"{what} {it}") for it in of]  # each is noted
        return all(first)

    def _subject(self, email: str) -> str:
        found = self._users.find_credentials(email)
        return names.user(found.user_id) if found else ""
