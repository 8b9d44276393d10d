"""Questions whose answers are flipped, one at a time, by every kind of write."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.house import Site, new_email
from tests.support.revisions import position_of

READ, WRITE = "docs.read", "docs.write"


@dataclass
class Switches:
    """Some questions that are all answered `first` at first.

    `flip(admin, number, on)` writes, so that the question of that number is answered `on`.
    """

    questions: list[dict[str, str]]
    flip: Callable[[Any, int, bool], Any]
    first: bool = False
    revisions: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    def write(self, admins: Sequence[Any], count: int) -> None:
        """Flips one after another, through each replica by turns."""
        width = len(self.questions)
        for number in range(count):
            on = self.first is bool(number // width % 2)
            revision = self.flip(admins[number % len(admins)], number % width, on).revision
            self.positions.append(position_of(revision))
            self.revisions.append(revision)

    def at(self, position: int) -> list[bool]:
        """What is answered at a place in the order."""
        flips, width = bisect_right(self.positions, position), len(self.questions)
        return [self.first ^ bool(len(range(n, flips, width)) % 2) for n in range(width)]


def every_kind(site: Site) -> Iterator[Switches]:
    """Grants, denials, memberships, roles and suspensions."""
    tag = new_email("x")[2:14]
    reader, writer = f"roles/reader-{tag}", f"roles/writer-{tag}"
    site.admin.roles.CreateRole(role={"name": reader, "permissions": [READ]})
    site.admin.roles.CreateRole(role={"name": writer, "permissions": [READ, WRITE]})
    yield _granting(site, f"/granted-{tag}", reader)
    yield _denying(site, f"/denied-{tag}", reader)
    yield _joining(site, f"/joined-{tag}", reader, tag)
    yield _changing(site, f"/changed-{tag}", writer)
    yield _suspending(site, f"/suspended-{tag}", reader)


def _granting(site: Site, path: str, role: str) -> Switches:
    who = site.new_user().name
    return Switches(_questions(who, READ, path, 5), _switch(who, role, path, effect="EFFECT_ALLOW"))


def _denying(site: Site, path: str, role: str) -> Switches:
    who = site.new_user().name
    site.grant(who, role, path)
    deny = _switch("everyone", role, path, effect="EFFECT_DENY")
    return Switches(
        _questions(who, READ, path, 3), lambda admin, n, on: deny(admin, n, not on), first=True
    )


def _switch(who: str, role: str, path: str, effect: str) -> Callable[[Any, int, bool], Any]:
    names: dict[int, str] = {}

    def flip(admin: Any, number: int, on: bool) -> Any:
        if not on:
            return admin.access.DeleteGrant(name=names.pop(number))
        made = admin.access.CreateGrant(
            path=f"{path}/{number}", role=role, subject=who, effect=effect
        )
        names[number] = made.grant.name
        return made

    return flip


def _joining(site: Site, path: str, role: str, tag: str) -> Switches:
    who = site.new_user().name
    groups = [f"groups/{number}-{tag}" for number in range(4)]
    for number, group in enumerate(groups):
        site.admin.groups.CreateGroup(group={"name": group})
        site.grant(group, role, f"{path}/{number}")

    def flip(admin: Any, number: int, on: bool) -> Any:
        change = admin.groups.AddMember if on else admin.groups.RemoveMember
        return change(group=groups[number], member=who)

    return Switches(_questions(who, READ, path, 4), flip)


def _changing(site: Site, path: str, role: str) -> Switches:
    who = site.new_user().name
    site.grant(who, role, path)

    def flip(admin: Any, number: int, on: bool) -> Any:
        allowed = {"name": role, "permissions": [READ, WRITE] if on else [READ]}
        return admin.roles.UpdateRole(role=allowed, update_mask={"paths": ["permissions"]})

    return Switches(_questions(who, WRITE, path, 1), flip, first=True)


def _suspending(site: Site, path: str, role: str) -> Switches:
    who = site.new_user().name
    site.grant(who, role, path)

    def flip(admin: Any, number: int, on: bool) -> Any:
        return (admin.users.ReactivateUser if on else admin.users.SuspendUser)(name=who)

    return Switches(_questions(who, READ, path, 1), flip, first=True)


def _questions(who: str, permission: str, path: str, count: int) -> list[dict[str, str]]:
    return [
        {"subject": who, "permission": permission, "path": f"{path}/{number}"}
        for number in range(count)
    ]
