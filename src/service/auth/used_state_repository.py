"""All SQL of the states that were used."""

from sqlalchemy import Connection, text

_INSERT = text(
    "INSERT INTO used_states (hash, expire_time) VALUES (:hash, to_timestamp(:expires))"
    " ON CONFLICT DO NOTHING"
)


class UsedStateRepository:
    """States of federated sign-ins that are used up, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def insert(self, used: bytes, expires: float) -> bool:
        """Keeps the hash of a state; whether it is the first time."""
        return self._run(_INSERT, {"hash": used, "expires": expires}).rowcount > 0
