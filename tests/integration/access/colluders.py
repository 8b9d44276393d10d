"""People who work together, and whatever they may try, in worlds that an owner made up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import uuid4

import grpc

from service.access.decisions import Decisions
from service.access.models import Check, Freshness
from tests.support.clients import Client
from tests.support.house import House, new_email
from tests.support.refusals import (
    ABORTED,
    ALREADY_EXISTS,
    FAILED_PRECONDITION,
    NOT_FOUND,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
)

OWNER, EVERYONE = "the owner", "everyone"
COLLUDERS = ["users/mal", "users/eve"]
USERS = ["users/boss"]
GROUPS = ["groups/a", "groups/b"]
ACCOUNTS = ["serviceAccounts/s"]
OTHERS = [*GROUPS, *ACCOUNTS, *USERS]
PLACES = ["/", "/v", "/v/a"]
OWN_PATHS = [f"/{name}" for name in OTHERS]

ADMIN, GUEST, LOCK, SECRET = "roles/admin", "roles/guest", "roles/lock", "roles/secret"
ROLES = {SECRET: ["secret.x"], LOCK: ["locked.x"], GUEST: ["groups.read"]}
CHANGING = [GUEST, "roles/new"]
PATTERNS = ["groups.read", "groups.add_member", "groups.*", "serviceaccounts.create_key"]
PATTERNS += ["users.manage", "users.*", "grants.*", "secret.x", "locked.x", "*"]
POWERS = [
    (permission, path)
    for permission in ("secret.x", "locked.x", "grants.create", "owners.only")
    for path in ("/", "/v", "/v/a")
]
_REFUSALS = {
    *(PERMISSION_DENIED, NOT_FOUND, ALREADY_EXISTS),
    *(FAILED_PRECONDITION, ABORTED, UNAUTHENTICATED),
}


class Step(NamedTuple):
    """Who does what, such as "users/mal", "add_member", ("groups/a", "users/mal")."""

    who: str
    does: str
    what: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.who}: {self.does}{self.what}"


class Scene:
    """A world of its own on a house that is shared; `groups/a` is another one in each.

    Whoever makes a key of a service account, or gives a user another e-mail address, has them in.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        at = house.application.services
        self._decisions = Decisions(at.policy, at.database, at.feed, at.clock)
        self._ids: dict[tuple[str, ...], str] = {}
        people = {name: house.new_person() for name in [*COLLUDERS, *USERS]}
        self._clients: dict[str, Client] = {OWNER: house.admin, **people}
        mark = uuid4().hex[:8]
        self._names = {it: f"{it}-{mark}" for it in [*GROUPS, *ACCOUNTS, *ROLES, "roles/new"]}
        self._names |= {name: person.name for name, person in people.items()}
        self._names |= {"v": f"v-{mark}", "v/a": f"v-{mark}/a"}
        self.colluders = list(COLLUDERS)
        for role, patterns in ROLES.items():
            self.create_role(house.admin, role, patterns)
        for name in [*GROUPS, *ACCOUNTS]:
            self._create(house.admin, name)

    @property
    def grants(self) -> list[tuple[str, ...]]:
        """Those that were made, most of which may still be there."""
        return list(self._ids)

    def powers(self) -> set[tuple[str, str]]:
        """What the colluders hold together, asked as nobody, since colluders deny owners things."""
        asked = [(who, *power) for who in self.colluders for power in POWERS]
        checks = [
            Check(self._real(who), permission, self._real(path)) for who, permission, path in asked
        ]
        decided, _ = self._decisions.decide(checks, Freshness(full=True))
        found = zip(asked, decided, strict=True)
        return {(permission, path) for (_, permission, path), allowed in found if allowed}

    def take(self, step: Step) -> bool:
        """Whether it could be done."""
        if step.who not in {OWNER, *self.colluders}:
            return False
        try:
            getattr(self, step.does)(self._clients[step.who], *step.what)
        except grpc.RpcError as refusal:
            if refusal.code() not in _REFUSALS:
                raise
            return False
        return True

    def create_grant(
        self, by: Client, subject: str, role: str, path: str, effect: str, seconds: int | None
    ) -> None:
        """For so long; None for good."""
        ends = {"expire_time": datetime.now(UTC) + timedelta(seconds=seconds)} if seconds else {}
        answer = by.access.CreateGrant(
            subject=self._real(subject),
            role=self._real(role),
            path=self._real(path),
            effect=f"EFFECT_{effect}",
            **ends,
        )
        self._ids[subject, role, path, effect] = answer.grant.name

    def delete_grant(self, by: Client, *grant: str) -> None:
        """One that was made before."""
        if grant in self._ids:
            by.access.DeleteGrant(name=self._ids[grant])
            del self._ids[grant]

    def add_member(self, by: Client, group: str, member: str) -> None:
        """Puts somebody into a group."""
        by.groups.AddMember(group=self._real(group), member=self._real(member))

    def remove_member(self, by: Client, group: str, member: str) -> None:
        """Takes somebody out of a group."""
        by.groups.RemoveMember(group=self._real(group), member=self._real(member))

    def create_role(self, by: Client, role: str, patterns: Sequence[str]) -> None:
        """A role that allows this."""
        by.roles.CreateRole(role={"name": self._real(role), "permissions": patterns})

    def update_role(self, by: Client, role: str, patterns: Sequence[str]) -> None:
        """Lets a role allow this and nothing else."""
        by.roles.UpdateRole(role={"name": self._real(role), "permissions": patterns})

    def create_key(self, by: Client, account: str) -> None:
        """From then on the account is one of the colluders."""
        answer = by.service_accounts.CreateApiKey(service_account=self._real(account))
        self._clients[account] = self._house.machine(self._real(account), answer.secret)
        self._joins(account)

    def change_email(self, by: Client, user: str) -> None:
        """From then on the user is one of the colluders."""
        by.users.UpdateUser(user={"name": self._real(user), "email": new_email()})
        self._joins(user)

    def recreate(self, by: Client, name: str) -> None:
        """Deletes a group or a service account, and makes one of the same name."""
        if name in GROUPS:
            by.groups.DeleteGroup(name=self._real(name))
        else:
            by.service_accounts.DeleteServiceAccount(name=self._real(name))
            self.colluders = [it for it in self.colluders if it != name]
        self._create(by, name)

    def leave_nothing_for_everyone(self) -> None:
        """Everyone is in the next world, too."""
        access = self._house.admin.access
        for subject in (EVERYONE, *GROUPS):
            for grant in access.ListGrants(subject=self._real(subject), page_size=1000).grants:
                access.DeleteGrant(name=grant.name)
        for group in GROUPS:
            self.take(Step(OWNER, "remove_member", (group, EVERYONE)))

    def _create(self, by: Client, name: str) -> None:
        if name in GROUPS:
            by.groups.CreateGroup(group={"name": self._real(name)})
        else:
            by.service_accounts.CreateServiceAccount(service_account={"name": self._real(name)})

    def _joins(self, who: str) -> None:
        if who not in self.colluders:
            self.colluders.append(who)

    def _real(self, name: str) -> str:
        """The name, or the path of that name, in this world."""
        root = "/" if name.startswith("/") else ""
        return root + self._names.get(name.removeprefix("/"), name.removeprefix("/"))


@contextmanager
def scene(house: House) -> Iterator[Scene]:
    """A new world, for as long as the block runs."""
    made = Scene(house)
    try:
        yield made
    finally:
        made.leave_nothing_for_everyone()


def arrangement(chance: Random) -> Iterator[Step]:
    """What the owner does first: somebody is strong, somebody is in charge, colluders are neither.

    They are in charge of nobody, since what they could have at once they do not gain.
    """

    def grant(subject: str, role: str, path: str, effect: str = "ALLOW") -> Step:
        seconds = 3600 if chance.random() < 0.1 else None
        return Step(OWNER, "create_grant", (subject, role, path, effect, seconds))

    for strong in chance.sample(OTHERS, 2):
        yield grant(strong, chance.choice([SECRET, "roles/owner"]), chance.choice(["/", "/v"]))
    for _ in range(chance.randint(1, 3)):
        keeper, kept = chance.sample(OTHERS, 2)
        yield grant(keeper, chance.choice([ADMIN, ADMIN, GUEST]), f"/{kept}")
    for _ in range(chance.randint(0, 2)):
        yield Step(OWNER, "add_member", (chance.choice(GROUPS), chance.choice(OTHERS)))
    for colluder in COLLUDERS:
        yield grant(colluder, LOCK, "/")
        if chance.random() < 0.7:
            yield grant(colluder, LOCK, chance.choice(["/v", "/v/a"]), "DENY")
        yield grant(colluder, ADMIN, chance.choice(["/", "/", *PLACES]))
        yield grant(colluder, GUEST, chance.choice(OWN_PATHS))


def attempt(chance: Random, world: Scene) -> Step:
    """Anything that one of the colluders may try next."""
    anyone = chance.choice([*world.colluders * 2, *OTHERS, EVERYONE])
    patterns = chance.sample(PATTERNS, chance.randint(1, 2))
    effect, seconds = chance.choice(["ALLOW"] * 6 + ["DENY"]), chance.choice([None] * 5 + [600])
    role = chance.choice([ADMIN, SECRET, LOCK, *CHANGING * 2])
    path = chance.choice([*PLACES, *OWN_PATHS])
    attempts: list[tuple[int, str, tuple[Any, ...]]] = [
        (6, "create_grant", (anyone, role, path, effect, seconds)),
        (1, "delete_grant", chance.choice(world.grants)),
        (6, "add_member", (chance.choice(GROUPS), anyone)),
        (1, "remove_member", (chance.choice(GROUPS), anyone)),
        (1, "create_role", ("roles/new", patterns)),
        (4, "update_role", (chance.choice(CHANGING), patterns)),
        (3, "create_key", (chance.choice(ACCOUNTS),)),
        (3, "change_email", (chance.choice(USERS),)),
        (1, "recreate", (chance.choice([*GROUPS, *ACCOUNTS]),)),
    ]
    [(_, does, what)] = chance.choices(attempts, [weight for weight, _, _ in attempts])
    return Step(chance.choice(world.colluders), does, what)
