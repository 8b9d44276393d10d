"""What one can do with tokens that are sent by mail: reset a password, and verify an address.

Asking for one looks nobody up, so that it takes the same time and the same statements whether the
address is known or not: whoever works off the queue does that (`token_mails`).
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from service.auth.attempts import SignInAttempts
from service.auth.errors import MailedTokenInvalid, NoEmail
from service.auth.mail_requests import TASK, MailRequest
from service.auth.mailed_token_repository import MailedTokenRepository
from service.auth.models import EmailVerificationRequested, EmailVerified, Purpose
from service.kernel import names
from service.kernel.call import Call
from service.kernel.crypto import KeyRing
from service.storage.database import Database, Tx
from service.storage.queue import Queue
from service.users.errors import UserNotFound
from service.users.models import NewUser, User
from service.users.service import UserService

_RANDOM_BYTES = 32


def new_token() -> str:
    """256 random bits, as they may stand in a URL."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def hashed(token: str) -> bytes:
    """What is kept of a token. It is random, so it needs no salt, and look-up no constant time."""
    return sha256(token.encode()).digest()


class MailedTokenService:
    """Tokens that show that their bearer reads the mail of an address."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        queue: Queue,
        attempts: SignInAttempts,
        users: UserService,
    ) -> None:
        self._db = database
        self._ring = ring
        self._queue = queue
        self._attempts = attempts
        self._users = users

    def request_password_reset(self, call: Call, email: str) -> None:
        """Asks for a mail to the address, if it is a user's. Raises SignInThrottled."""
        self._attempts.admit_mail(call, email, subject="")
        with self._db.transaction(call) as tx:
            self._ask(tx, Purpose.PASSWORD_RESET, email)
            tx.commit(None)

    def request_email_verification(self, call: Call) -> None:
        """Asks for a mail to the caller's address, if it is not verified.

        Raises NoEmail, SignInThrottled.
        """
        caller = call.principal.subject
        if not names.is_user(caller):
            raise NoEmail
        user = self._users.get(names.user_id(caller))
        self._attempts.admit_mail(call, user.email, subject=caller)
        with self._db.transaction(call) as tx:
            self._ask(tx, Purpose.EMAIL_VERIFICATION, user.email)
            tx.record(EmailVerificationRequested(caller))
            tx.commit(None)

    def reset_password(self, call: Call, token: str, password: str) -> None:
        """Sets a password, verifies the address, and ends all of the user's sessions.

        The token is good until a password is taken. Raises MailedTokenInvalid, the same whatever is
        wrong with it; PasswordRejected, SignInThrottled.
        """
        with self._recording_refusals(call):
            user = self._bearer(call, Purpose.PASSWORD_RESET, token)
            password_hash = self._users.hash_new(
                password,
                NewUser(user.email, user.display_name),
                field="new_password",
                second_factor=user.mfa_enabled,
            )
            with self._db.transaction(call) as tx:
                current = self._take(tx, user, Purpose.PASSWORD_RESET, token)
                self._users.reset_password(tx, current, password_hash)
                tx.commit(None)

    def verify_email(self, call: Call, token: str) -> None:
        """Takes the token for a proof that the address is the user's.

        Raises MailedTokenInvalid, the same whatever is wrong with it; SignInThrottled.
        """
        with self._recording_refusals(call):
            user = self._bearer(call, Purpose.EMAIL_VERIFICATION, token)
            with self._db.transaction(call) as tx:
                current = self._take(tx, user, Purpose.EMAIL_VERIFICATION, token)
                self._users.vouch(tx, current)
                tx.record(EmailVerified(current.subject))
                tx.commit(None)

    @contextmanager
    def _recording_refusals(self, call: Call) -> Iterator[None]:
        try:
            yield
        except MailedTokenInvalid:
            self._attempts.refuse_mailed_token(call)
            raise

    def _ask(self, tx: Tx, purpose: Purpose, email: str) -> None:
        request = MailRequest(purpose, email, tx.call.request_id, tx.call.peer)
        self._queue.defer(tx, TASK, sealed=request.sealed(self._ring))

    def _bearer(self, call: Call, purpose: Purpose, token: str) -> User:
        """Whose token it is. Raises MailedTokenInvalid, SignInThrottled."""
        self._attempts.admit_address(call)
        with self._db.reading() as connection:
            user_id = MailedTokenRepository(connection).find_user(purpose, hashed(token))
        if user_id is None:
            raise MailedTokenInvalid
        try:
            return self._users.get(user_id)
        except UserNotFound:  # deleted just now
            raise MailedTokenInvalid from None

    def _take(self, tx: Tx, user: User, purpose: Purpose, token: str) -> User:
        """The token's user, locked before the token as everywhere. Raises MailedTokenInvalid.

        Of two who use it at once, one finds it taken.
        """
        try:
            current = self._users.lock(tx, user.id)
        except UserNotFound:
            raise MailedTokenInvalid from None
        if not MailedTokenRepository(tx.connection).take(user.id, purpose, hashed(token)):
            raise MailedTokenInvalid
        return current
