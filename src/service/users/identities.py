"""Who a user is at identity providers."""

from uuid import UUID

from service.kernel.crypto import KeyRing
from service.storage.database import Tx
from service.users.identity_repository import IdentityRepository


class Identities:
    """The identities that users sign in with, within others' transactions.

    One is a provider's issuer and its `sub` for a person, which it never gives to another.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def find_user(self, tx: Tx, issuer: str, subject: str) -> UUID | None:
        """Whose identity it is, if anybody's.

        Nobody else links it before the transaction ends, nor unlinks it once the user is locked.
        """
        return self._identities(tx).find_user(issuer, subject)

    def has_one(self, tx: Tx, user_id: UUID, issuer: str) -> bool:
        """Whether the user has an identity at this provider already."""
        return self._identities(tx).has_one(user_id, issuer)

    def link(self, tx: Tx, user_id: UUID, issuer: str, subject: str) -> None:
        """Lets the user, who was locked before, sign in with an identity that is nobody's."""
        self._identities(tx).insert(user_id, issuer, subject)

    def unlink_all(self, tx: Tx, user_id: UUID) -> list[str]:
        """Lets the user, who was locked before, sign in with none any more; answers the issuers."""
        return self._identities(tx).delete_all(user_id)

    def _identities(self, tx: Tx) -> IdentityRepository:
        return IdentityRepository(tx.connection, self._ring)
