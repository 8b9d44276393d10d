"""Nobody passes on what they do not hold: not by a grant, a membership, a key or a wider role.

Looked at within the transaction that passes it on and in its place in the order, so that what an
earlier commit took from the caller is not held any more; but before its change, so that nobody
holds what they are just giving themselves. Whatever the change locks is locked before.
"""

from collections.abc import Collection, Iterator
from datetime import datetime

from service.access.errors import NotHeld
from service.access.holdings import JUST_NOW, Holdings
from service.access.holdings_repository import HoldingsRepository
from service.access.models import EVERYTHING, ROOT, Effect, Permissions
from service.storage.database import Tx

# What can be looked at within the order lock, which everyone who writes waits for.
_MOST_RIGHTS = 1000
_MOST_PATTERNS = 20_000
_MOST_SUBJECTS = 20
_MOST_ASKED = 3 * _MOST_SUBJECTS  # each by so many permissions
# By these one gets at the rights of somebody else, so being given them on exactly that somebody's
# path, such as `/groups/eng`, is being put in charge of those rights.
_PUTS_IN_CHARGE = {
    "groups": ("groups.add_member", "groups.remove_member", "groups.delete"),
    "serviceAccounts": ("serviceaccounts.create_key",),
    "users": ("users.manage",),  # whose e-mail address is a way to their password
}


def require_grantable(
    tx: Tx,
    role: str,
    path: str,
    *,
    by: str,
    until: datetime | None = None,
) -> None:
    """The caller may give or take the role on the path: holds `by` and all that it allows there.

    That is, on the path and below, and at least `until` (None: for good).
    A role on a group's, service account's or user's own path may put someone in charge of its
    rights, which the caller must then hold as well. Raises NotHeld.
    """
    if tx.call.caller is None:
        return
    tx.in_order()  # before the role is read, which may just have been given more
    patterns = HoldingsRepository(tx.connection).patterns_of(role)
    held = Holdings(tx, [path])
    held.require([by], path, JUST_NOW)
    held.require(patterns, path, until)
    for subject, permission in _in_charge_of(path, Permissions(patterns)):
        require_rights_of(tx, subject, by=permission)


def require_changeable(tx: Tx, role: str, before: Collection[str], after: Collection[str]) -> None:
    """The caller may change what the role allows: holds on `/` what comes and what goes.

    Where it was granted on a group's, service account's or user's own path, it may come to put its
    holders in charge of it; then the caller must hold those rights as well. Raises NotHeld.
    """
    if tx.call.caller is None:
        return
    tx.in_order()
    held = Holdings(tx, [ROOT])
    held.require(set(before) ^ set(after), ROOT, None)
    if held.owns_everything:
        return
    was, will = Permissions(before), Permissions(after)
    gained = {
        kind
        for kind, by in _PUTS_IN_CHARGE.items()
        if any(will.allows(one) and not was.allows(one) for one in by)
    }
    places = HoldingsRepository(tx.connection).places_of(role, gained, _MOST_SUBJECTS + 1)
    if len(places) > _MOST_SUBJECTS:
        raise NotHeld.what(EVERYTHING, ROOT, f"{role} puts in charge of too many to look at")
    asked: set[tuple[str, str]] = set()
    for place in places:
        for subject, permission in _in_charge_of(place, will):
            if not was.allows(permission):
                _require_rights_of(tx, subject, permission, asked)


def require_rights_of(tx: Tx, subject: str, *, by: str) -> None:
    """The caller holds all that is granted to the subject, or is in charge of it.

    In charge is who was granted `by` on exactly the subject's path, such as `/groups/eng`, since it
    is there and for good: a membership does not end with a grant. Raises NotHeld.
    """
    if tx.call.caller is None:
        return
    tx.in_order()
    _require_rights_of(tx, subject, by, set())


def _require_rights_of(tx: Tx, subject: str, by: str, asked: set[tuple[str, str]]) -> None:
    """The same, and of all whom the subject is in charge of, each of whom is asked about once."""
    if (subject, by) in asked:
        return
    asked.add((subject, by))
    if len(asked) > _MOST_ASKED:
        raise NotHeld.what(EVERYTHING, ROOT, f"what {subject} was granted is too much to look at")
    found = HoldingsRepository(tx.connection)
    rights = found.of(subject, _MOST_RIGHTS + 1)
    place = f"/{subject}"
    held = Holdings(tx, [place, *(right.path for right in rights)])
    if held.owns_everything or held.put_in_charge(place, by, since=found.create_time(subject)):
        return
    patterns = sum(len(right.permissions.patterns) for right in rights)
    if len(rights) > _MOST_RIGHTS or patterns > _MOST_PATTERNS:
        raise NotHeld.what(EVERYTHING, ROOT, f"what {subject} was granted is too much to look at")
    for right in rights:
        held.require_rights(right, subject)
        if right.effect is Effect.ALLOW:
            for other, permission in _in_charge_of(right.path, right.permissions):
                _require_rights_of(tx, other, permission, asked)


def _in_charge_of(path: str, permissions: Permissions) -> Iterator[tuple[str, str]]:
    """Whom a grant on the path puts in charge of, and by which permission."""
    kind, _, rest = path[1:].partition("/")
    if rest and "/" not in rest:
        for permission in _PUTS_IN_CHARGE.get(kind, ()):
            if permissions.allows(permission):
                yield path[1:], permission
