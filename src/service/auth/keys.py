"""The keys that sign access tokens, and their public halves as others read them (RFC 7517)."""

import base64
import threading
from collections.abc import Sequence
from time import monotonic

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from service.auth.models import SigningKey, SigningKeyCreated
from service.auth.repository import SigningKeyRepository
from service.kernel import names
from service.kernel.call import Call
from service.kernel.changes import Change, ChangeKind
from service.kernel.crypto import KeyRing
from service.kernel.errors import Unavailable
from service.storage.database import Database
from service.storage.feed import ChangeFeed

_RELOAD_AT_MOST_EVERY = 5.0


class SigningKeys:
    """The signing keys as this process remembers them: the newest signs, all of them verify."""

    def __init__(self, database: Database, ring: KeyRing, feed: ChangeFeed) -> None:
        self._db = database
        self._ring = ring
        self._keys: dict[str, SigningKey] = {}
        self._newest: SigningKey | None = None
        self._stale = True
        self._loaded = 0.0
        self._lock = threading.Lock()
        feed.follow(self)

    def ensure(self, call: Call) -> None:
        """Makes the first key, once, whichever process comes first."""
        with self._db.transaction(call) as tx:
            keys = SigningKeyRepository(tx.connection, self._ring)
            keys.lock()
            if not keys.list():
                key = SigningKey(str(names.new_id()), generate_private_key(SECP256R1()))
                keys.insert(key)
                tx.change(ChangeKind.SIGNING_KEYS, key.id)
                tx.record(SigningKeyCreated(f"signingKeys/{key.id}"))
                tx.commit(None)
        self.load()

    @property
    def signing(self) -> SigningKey:
        """The key to sign with. Raises Unavailable when PostgreSQL is away, or there is none."""
        if self._stale:
            self.load()
        if self._newest is None:
            raise Unavailable("There is no key to sign tokens with; an operator must look.", 60.0)
        return self._newest

    def find(self, key_id: str) -> SigningKey | None:
        """The key of that id; an unknown one makes us look again, but not for every forgery."""
        if self._stale:
            self.load()
        found = self._keys.get(key_id)
        if found is None and monotonic() - self._loaded > _RELOAD_AT_MOST_EVERY:
            self.load()
            found = self._keys.get(key_id)
        return found

    def all(self) -> list[SigningKey]:
        """Every key that verifies."""
        if self._stale:
            self.load()
        return list(self._keys.values())

    def load(self) -> None:
        """Reads the keys. Raises Unavailable."""
        with self._lock, self._db.reading() as connection:
            self._stale = False  # before the read, so that a change meanwhile makes it stale again
            try:
                keys = SigningKeyRepository(connection, self._ring).list()
            except BaseException:
                self._stale = True
                raise
            self._keys = {key.id: key for key in keys}
            self._newest = keys[0] if keys else None
            self._loaded = monotonic()

    def apply(self, changes: Sequence[Change]) -> None:
        """Looks again before the next use."""
        if any(change.kind is ChangeKind.SIGNING_KEYS for change in changes):
            self._stale = True

    def forget(self) -> None:
        """Looks again before the next use."""
        self._stale = True


def jwk(key: SigningKey) -> dict[str, str]:
    """The public half as a JSON Web Key (RFC 7518, section 6.2.1)."""
    numbers = key.public.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "kid": key.id,
        "use": "sig",
        "alg": "ES256",
        "x": _coordinate(numbers.x),
        "y": _coordinate(numbers.y),
    }


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")
