"""All SQL of the tokens that are sent by mail."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from service.auth.models import MailedToken, Purpose

_FIND = text(
    "SELECT job, now - create_time AS age, expire_time > now AS good"
    " FROM mailed_tokens, clock_timestamp() AS now"
    " WHERE user_id = :user_id AND purpose = :purpose"
)
_KEEP = text(
    "INSERT INTO mailed_tokens (user_id, purpose, hash, job, create_time, expire_time)"
    " SELECT :user_id, :purpose, :hash, :job, now, now + :lifetime FROM clock_timestamp() AS now"
    " ON CONFLICT (user_id, purpose, job) DO UPDATE SET hash = excluded.hash,"
    " create_time = excluded.create_time, expire_time = excluded.expire_time"
)
_FIND_USER = text(
    "SELECT user_id FROM mailed_tokens"
    " WHERE hash = :hash AND purpose = :purpose AND expire_time > clock_timestamp()"
)
_TAKE = text(
    "DELETE FROM mailed_tokens WHERE user_id = :user_id AND purpose = :purpose"
    " AND EXISTS (SELECT FROM mailed_tokens WHERE user_id = :user_id AND purpose = :purpose"
    " AND hash = :hash AND expire_time > clock_timestamp())"
)


class MailedTokenRepository:
    """Mailed tokens in one transaction, by their hash. Lock the user before changing theirs."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def find(self, user_id: UUID, purpose: Purpose) -> list[MailedToken]:
        """The user's tokens that were not used; some may have expired."""
        rows = self._run(_FIND, {"user_id": user_id, "purpose": purpose})
        return [MailedToken(row.job, row.age, row.good) for row in rows]

    def keep(
        self, user_id: UUID, purpose: Purpose, token_hash: bytes, lifetime: timedelta, *, job: int
    ) -> None:
        """Keeps a user's new token, instead of the one that the same job made before."""
        row = {
            "user_id": user_id,
            "purpose": purpose,
            "hash": token_hash,
            "lifetime": lifetime,
            "job": job,
        }
        self._run(_KEEP, row)

    def find_user(self, purpose: Purpose, token_hash: bytes) -> UUID | None:
        """Whose token it is, if it is good."""
        return self._run(_FIND_USER, {"purpose": purpose, "hash": token_hash}).scalar_one_or_none()

    def take(self, user_id: UUID, purpose: Purpose, token_hash: bytes) -> bool:
        """Whether the user's token was good until now; none of the purpose is any longer."""
        row = {"user_id": user_id, "purpose": purpose, "hash": token_hash}
        return self._run(_TAKE, row).rowcount > 0
