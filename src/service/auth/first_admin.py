"""The first start's admin: whoever installs the service must be able to sign in."""

import secrets
from dataclasses import dataclass, field

from service.access.graph import Graph
from service.access.service import AccessService
from service.kernel.call import Call
from service.storage.database import Database
from service.users.models import NewUser
from service.users.service import UserService


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """The admin that was made; the password is in the clear here and nowhere else."""

    email: str
    password: str = field(repr=False)


def ensure_first_admin(
    database: Database,
    users: UserService,
    access: AccessService,
    graph: Graph,
    email: str,
    password: str | None,
) -> FirstAdmin | None:
    """Makes an owner of `/` where there is none, with a password made up if none is given.

    None when there was one already. Raises PasswordRejected, EmailTaken.
    """
    with database.transaction(Call.internal("bootstrap")) as tx:
        if graph.is_owned(tx):
            return None
    new = NewUser(email, "Administrator")
    chosen = password or secrets.token_urlsafe(18)
    hashed = users.hash_new(chosen, new)
    with database.transaction(Call.internal("bootstrap")) as tx:
        # Another process may have come first while this one was hashing.
        if graph.is_owned(tx):
            return None
        access.grant_owner(tx, users.add(tx, new, hashed).subject)
        tx.commit(None)
    return FirstAdmin(email, chosen)
