"""What people may do with their own: themselves whatever is denied, their files unless it is."""

from typing import Any

import pytest

from service.access.models import Check, Effect
from service.storage.pages import PageRequest
from tests.integration.access.steps import ADA, BOT, USERS
from tests.integration.access.world import ANY, World

BOB = USERS[1]
THEMSELVES, FILES = "users.read", "files.read"


def denial(on: str, whom: str = "everyone") -> tuple[Any, ...]:
    return ("grant", whom, on, "roles/own", Effect.DENY, None)


@pytest.mark.parametrize(
    ("steps", "subject", "permission", "path", "allowed"),
    [
        ([], ADA, THEMSELVES, f"/{ADA}", True),
        ([], ADA, THEMSELVES, f"/{ADA}/below", True),
        ([], ADA, THEMSELVES, f"/{ADA}x", False),
        ([], ADA, THEMSELVES, "/users", False),
        ([], ADA, THEMSELVES, f"/{BOB}", False),
        ([], ADA, "users.suspend", f"/{ADA}", False),
        ([], ADA, THEMSELVES, f"/files/{ADA}", False),
        ([], ADA, FILES, f"/files/{ADA}", True),
        ([], ADA, "files.delete", f"/files/{ADA}/a/b", True),
        ([], ADA, FILES, f"/files/{ADA}x", False),
        ([], ADA, FILES, f"/files/{BOB}", False),
        ([], ADA, FILES, "/files", False),
        ([], ADA, "grants.create", f"/files/{ADA}/a", False),
        ([], ADA, "grants.list", f"/files/{ADA}", False),
        ([], ADA, FILES, f"/{ADA}", False),
        ([], BOT, "serviceaccounts.read", f"/{BOT}", True),
        ([], BOT, FILES, f"/files/{BOT}", False),
        ([], "groups/a", "memberships.list", "/groups/a", False),
        ([], "everyone", THEMSELVES, "/everyone", False),
        ([denial("/users")], ADA, THEMSELVES, f"/{ADA}", True),
        ([denial(f"/{ADA}", ADA)], ADA, THEMSELVES, f"/{ADA}", True),
        ([denial("/files")], ADA, FILES, f"/files/{ADA}", False),
        ([denial(f"/files/{ADA}/x", ADA)], ADA, FILES, f"/files/{ADA}/x", False),
        ([denial(f"/files/{ADA}/x", ADA)], ADA, FILES, f"/files/{ADA}", True),
        ([("set_state", ADA, "SUSPENDED")], ADA, THEMSELVES, f"/{ADA}", False),
        ([("delete", ADA)], ADA, FILES, f"/files/{ADA}", False),
    ],
)
def test_what_is_ones_own(
    world: World, steps: list[Any], subject: str, permission: str, path: str, allowed: bool
) -> None:
    world.take(steps)
    assert world.decide([Check(subject, permission, path)]) == [allowed]
    assert world.now().allows(subject, permission, path) is allowed, "the oracle knows it too"


def test_a_list_tells_no_denial_of_what_cannot_be_denied(world: World) -> None:
    world.take([("grant", ADA, "/", "roles/own", Effect.ALLOW, None), denial(f"/{ADA}/x")])
    call, page = world.as_(ADA), PageRequest(0, "", "")
    listed, _ = world.here.access.list_access(call, ADA, THEMSELVES, "/", page, ANY)
    assert {it.path: it.denied for it in listed.items} == {"/": False, f"/{ADA}": False}
