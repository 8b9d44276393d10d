"""All SQL of the signing keys."""

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    select,
)

from service.auth.models import SigningKey
from service.kernel.crypto import KeyRing
from service.storage import locks

_KEYS = Table(
    "signing_keys",
    MetaData(),
    Column("id", String, primary_key=True),
    Column("private_key", LargeBinary),
    Column("create_time", DateTime(timezone=True)),
)


class SigningKeyRepository:
    """Signing keys in one transaction. Private keys are sealed with `ring`."""

    def __init__(self, connection: Connection, ring: KeyRing) -> None:
        self._run = connection.execute
        self._ring = ring

    def lock(self) -> None:
        """One transaction at a time decides whether a key is to be made."""
        self._run(locks.SIGNING_KEYS)

    def list(self) -> list[SigningKey]:
        """The keys, newest first."""
        rows = self._run(select(_KEYS).order_by(_KEYS.c.create_time.desc(), _KEYS.c.id))
        return [SigningKey(row.id, self._load(row.id, row.private_key)) for row in rows]

    def insert(self, key: SigningKey) -> None:
        """Keeps a new key."""
        private = key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._run(
            _KEYS.insert().values(
                id=key.id,
                private_key=self._ring.seal(private, _place(key.id)),
                create_time=func.clock_timestamp(),
            )
        )

    def _load(self, key_id: str, sealed: bytes) -> EllipticCurvePrivateKey:
        loaded = load_der_private_key(self._ring.open(sealed, _place(key_id)), password=None)
        if not isinstance(loaded, EllipticCurvePrivateKey):
            raise TypeError(f"signing key {key_id} is not on an elliptic curve")
        return loaded


def _place(key_id: str) -> str:
    return f"signing_keys/private_key/{key_id}"
