"""Whatever was granted to whom: a list shows exactly the files that each check by itself allows."""

from collections.abc import Iterator
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.files import upload
from tests.support.house import House, house, settings
from tests.support.oracle import Oracle, covers

ROOT = "files/root"
SEGMENTS = ["a", "a!", "a-b", "aa", "é"]
FOLDERS = ["", *(f"/{it}" for it in SEGMENTS), "/a/a", "/a/é", "/a!/a", "/a/a/a"]
NAMES = [f"{ROOT}{folder}/{segment}" for folder, segment in product(FOLDERS, SEGMENTS)]
PATHS = sorted({f"/{it}" for it in NAMES} | {"/", "/files", f"/{ROOT}", f"/{ROOT}/absent", "/file"})
ROLES = {
    "roles/file-reader": {"files.read"},
    "roles/file-editor": {"files.read", "files.write", "files.delete"},
    "roles/no-reader": {"files.write"},
    "roles/all-files": {"files.*"},
}
WHO = ["them", "inner", "outer", "everyone"]
GRANTS = st.lists(
    st.tuples(
        st.sampled_from(WHO),
        st.sampled_from(PATHS),
        st.sampled_from(list(ROLES)),
        st.sampled_from(["ALLOW", "ALLOW", "DENY"]),
    ),
    unique=True,
    max_size=9,
)


@pytest.fixture(scope="module")
def tree(databases: Databases) -> Iterator[House]:
    """One with NAMES in it."""
    with house(databases.new(), settings()) as running:
        for role in ("roles/no-reader", "roles/all-files"):
            permissions = sorted(ROLES[role])
            running.admin.roles.CreateRole(role={"name": role, "permissions": permissions})
        for name in NAMES:
            upload(running.admin, name, b"")
        yield running


def listed(client: Person, parent: str, size: int) -> list[str]:
    """All pages, none of which is short but the last."""
    found: list[str] = []
    token = ""
    while True:
        page = client.files.ListFiles(parent=parent, page_size=size, page_token=token)
        found += [it.name for it in page.files]
        if not (token := page.next_page_token):
            return found
        assert len(page.files) == size


def in_order(names: list[str]) -> list[str]:
    """Folder by folder."""
    return sorted(names, key=lambda name: [part.encode() for part in name.split("/")])


@given(
    grants=GRANTS,
    size=st.integers(1, 7),
    parent=st.sampled_from(["", "files", *NAMES[:20]]),
)
@examples(max_examples=20, deadline=None, derandomize=True)
def test_a_list_is_what_the_checks_say(
    tree: House, grants: list[tuple[str, str, str, str]], size: int, parent: str
) -> None:
    parent = ROOT if parent == "files" else parent
    person = tree.new_person()
    called = {"them": person.name, "everyone": "everyone"} | {
        which: tree.admin.groups.CreateGroup(group={"name": f"groups/{uuid4()}"}).group.name
        for which in ("inner", "outer")
    }
    members = {(called["inner"], person.name), (called["outer"], called["inner"])}
    for group, member in members:
        tree.admin.groups.AddMember(group=group, member=member)
    made: list[Any] = []
    try:
        for who, path, role, effect in grants:
            more = {"effect": f"EFFECT_{effect}"}
            made.append(tree.grant(called[who], role, path, **more))
        oracle = Oracle(
            active={person.name, "everyone"},
            members=members,
            roles=ROLES,
            grants=[(called[who], path, role, effect, None) for who, path, role, effect in grants],
        )
        wanted = [it for it in NAMES if not parent or covers(parent, it)]
        wanted = [it for it in wanted if oracle.allows(person.name, "files.read", f"/{it}")]
        assert listed(person, parent, size) == in_order(wanted)
        checks = [{"permission": "files.read", "path": f"/{name}"} for name in NAMES]
        results = person.access.BatchCheckAccess(checks=checks).results
        allowed = [name for name, it in zip(NAMES, results, strict=True) if it.allowed]
        assert listed(person, "", 1000) == in_order(allowed)
    finally:
        for grant in made:
            tree.admin.access.DeleteGrant(name=grant.name)
