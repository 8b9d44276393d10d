"""What happened, as the audit trail keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from service.kernel import names


@dataclass(frozen=True, slots=True)
class Event:
    """A fact about `subject`. `data` holds what changed, never a secret, e-mail or person's name.

    Subclasses name the fact in `type`, such as `gatehouse.users.created` (CloudEvents).
    """

    type: ClassVar[str]

    subject: str
    data: Mapping[str, object] = field(default_factory=dict)
    id: UUID = field(default_factory=names.new_id, compare=False)
