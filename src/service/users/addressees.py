"""Users as those whom mail is sent to, found by their address.

For workers, which have neither a change feed nor a password hasher.
"""

from service.kernel.crypto import KeyRing
from service.storage.database import Tx
from service.users.models import User
from service.users.repository import UserRepository


class Addressees:
    """Those whom an address may belong to."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def lock(self, tx: Tx, email: str) -> User | None:
        """The user with this e-mail, unchangeable by others until the transaction ends.

        Mail goes to the user's own `email`: what was asked for may only compare equal to it.
        """
        return UserRepository(tx.connection, self._ring).lock_by_email(email)
