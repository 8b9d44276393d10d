"""What is asked of whoever sends tokens by mail, kept in the queue so that it tells nothing.

Sealed, and all of one length: neither the queue's tables nor their sizes say who was asked for.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field

from service.auth.models import Purpose
from service.kernel.crypto import KeyRing

TASK = "send_mailed_token"

_PLACE = f"procrastinate_jobs/args/{TASK}"
_LENGTH = 4096
_LONGEST_EMAIL = 255  # nobody's address has more than 254 characters, so the rest is not missed


@dataclass(frozen=True, slots=True)
class MailRequest:
    """A mail with a token for `purpose` is to be sent to whoever has the address, if anyone may.

    `request_id` and `peer` are those of the call that asked.
    """

    purpose: Purpose
    email: str = field(repr=False)
    request_id: str
    peer: str = field(repr=False)

    def sealed(self, ring: KeyRing) -> str:
        """As it is kept in the queue."""
        facts = [self.purpose, self.email[:_LONGEST_EMAIL], self.request_id, self.peer]
        # At most 12 bytes a character, as JSON has them, so there is always room.
        padded = json.dumps(facts).encode().ljust(_LENGTH)
        return b64encode(ring.seal(padded, _PLACE)).decode()

    @staticmethod
    def opened(sealed: str, ring: KeyRing) -> "MailRequest":
        """As it was asked. Raises CannotOpen."""
        purpose, email, request_id, peer = json.loads(ring.open(b64decode(sealed), _PLACE))
        return MailRequest(Purpose(purpose), email, request_id, peer)
