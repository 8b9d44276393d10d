"""Making tokens and sending them by mail: the part that knows who has which address.

It is done by whoever works off the queue, where nobody waits who could tell a known address by it.
"""

from datetime import timedelta

from service.auth.mail_requests import MailRequest
from service.auth.mailed_token_repository import MailedTokenRepository
from service.auth.mailed_tokens import hashed, new_token
from service.auth.models import PasswordResetRequested, Purpose, may_mail
from service.kernel.call import Call
from service.kernel.crypto import KeyRing
from service.mail.mailer import Mailer
from service.mail.messages import Messages
from service.storage.database import Database
from service.users.addressees import Addressees
from service.users.models import State, User

_LIFETIMES = {
    Purpose.PASSWORD_RESET: timedelta(minutes=30),
    Purpose.EMAIL_VERIFICATION: timedelta(hours=24),
}


class TokenMails:
    """Sends the mails that were asked for."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        addressees: Addressees,
        messages: Messages,
        mailer: Mailer,
    ) -> None:
        self._db = database
        self._ring = ring
        self._addressees = addressees
        self._mailer = mailer
        self._write = {
            Purpose.PASSWORD_RESET: messages.password_reset,
            Purpose.EMAIL_VERIFICATION: messages.email_verification,
        }

    def send(self, job: int, sealed: str) -> None:
        """Sends a new token to whom the address belongs, if there is somebody who is to have one.

        A job that is run again replaces the token that it made before. Raises NotSent, Refused,
        CannotOpen, Unavailable.
        """
        request = MailRequest.opened(sealed, self._ring)
        token = new_token()
        if (user := self._keep(job, request, token)) is not None:
            # To the user's own address, never to what somebody typed that compares equal to it.
            lifetime = _LIFETIMES[request.purpose]
            self._mailer.send(self._write[request.purpose](user.email, token, lifetime))

    def _keep(self, job: int, request: MailRequest, token: str) -> User | None:
        """Keeps the token for the user who is to have it; answers them."""
        purpose = request.purpose
        with self._db.transaction(Call(request.request_id, request.peer)) as tx:
            user = self._addressees.lock(tx, request.email)
            if user is None or not _is_due(purpose, user):
                return None
            tokens = MailedTokenRepository(tx.connection)
            sent = tokens.find(user.id, purpose)
            if not may_mail(job, sent):
                return None
            tokens.keep(user.id, purpose, hashed(token), _LIFETIMES[purpose], job=job)
            # Told once; and of the other purpose by the call itself, which knew whom it was about.
            if purpose is Purpose.PASSWORD_RESET and all(token.job != job for token in sent):
                tx.record(PasswordResetRequested(user.subject))
            return tx.commit(user).value


def _is_due(purpose: Purpose, user: User) -> bool:
    if user.state is State.SUSPENDED:
        return False
    return purpose is Purpose.PASSWORD_RESET or not user.email_verified
