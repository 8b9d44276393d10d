"""All SQL of the identities: who a user is at identity providers."""

from uuid import UUID

from sqlalchemy import Connection, text

from service.kernel.crypto import KeyRing
from service.storage import locks

_FIND = text("SELECT user_id FROM federated_identities WHERE identity = :identity")
_EXISTS = text(
    "SELECT EXISTS (SELECT FROM federated_identities WHERE user_id = :user_id AND issuer = :issuer)"
)
_INSERT = text(
    "INSERT INTO federated_identities (identity, user_id, issuer, create_time)"
    " VALUES (:identity, :user_id, :issuer, clock_timestamp())"
)
_DELETE_ALL = text("DELETE FROM federated_identities WHERE user_id = :user_id RETURNING issuer")


class IdentityRepository:
    """Identities in one transaction. They are kept as blind indexes, since they name people."""

    def __init__(self, connection: Connection, ring: KeyRing) -> None:
        self._run = connection.execute
        self._ring = ring

    def find_user(self, issuer: str, subject: str) -> UUID | None:
        """Whose identity it is, if anybody's; nobody else links it until the transaction ends."""
        identity = self._index(issuer, subject)
        self._run(locks.IDENTITY, {"identity": identity.hex()})
        found: UUID | None = self._run(_FIND, {"identity": identity}).scalar_one_or_none()
        return found

    def has_one(self, user_id: UUID, issuer: str) -> bool:
        """Whether the user has an identity at this provider."""
        return bool(self._run(_EXISTS, {"user_id": user_id, "issuer": issuer}).scalar_one())

    def insert(self, user_id: UUID, issuer: str, subject: str) -> None:
        """Keeps an identity that is nobody's, the user's first at this provider."""
        identity = self._index(issuer, subject)
        self._run(_INSERT, {"identity": identity, "user_id": user_id, "issuer": issuer})

    def delete_all(self, user_id: UUID) -> list[str]:
        """Deletes the user's identities; the issuers, in order."""
        return sorted(self._run(_DELETE_ALL, {"user_id": user_id}).scalars())

    def _index(self, issuer: str, subject: str) -> bytes:
        return self._ring.blind_index(f"{issuer}\0{subject}", "federated_identities/identity")
