"""Lists of very much: each page is answered whole, well within the ten seconds that it may take."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, text

from service.access.models import Effect, Holder, Reached
from service.access.reach_repository import ReachRepository
from service.storage.database import create_database_engine
from tests.support.databases import Databases

T = TypeVar("T")
READ = "docs.read"
BIG, BAD = "groups/big", "groups/bad"
ADA = "users/ada"
MANY = 20_000
PAGE = 1000
_ROLE = "INSERT INTO roles (name, title, description, built_in) VALUES ('roles/reader','','',false)"
_READER = "INSERT INTO role_permissions (role, permission) VALUES ('roles/reader', 'docs.read')"
_SUBJECTS = "INSERT INTO subjects (name, state) SELECT unnest(CAST(:names AS text[])), 'ACTIVE'"
_MEMBERS = (
    "INSERT INTO memberships (group_name, member) SELECT :name, unnest(CAST(:members AS text[]))"
)
_GRANTS = """
INSERT INTO grants (id, path, role, subject, effect)
SELECT gen_random_uuid(), path, 'roles/reader', subject, :effect
FROM unnest(CAST(:subjects AS text[])) AS subject, unnest(CAST(:paths AS text[])) AS path
"""


class Large:
    """A database of its own, filled by the thousand, and what is listed in it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reach = ReachRepository(connection)

    def sql(self, statement: str, **parameters: Any) -> None:
        """Runs a statement."""
        self._connection.execute(text(statement), parameters)

    def grant(self, effect: Effect, subjects: list[str], paths: list[str]) -> None:
        """To each of the subjects on each of the paths."""
        self.sql(_GRANTS, effect=effect, subjects=subjects, paths=paths)

    def paths(self, under: str = "/", size: int = PAGE) -> list[Reached]:
        """What Ada reaches, page by page."""
        return _whole(lambda after: self._reach.paths(ADA, READ, under, after, size), size)

    def subjects(self, path: str, *, expand: bool) -> list[Holder]:
        """Who reaches it, page by page."""

        def read(after: Holder | None) -> list[Holder]:
            return self._reach.subjects(READ, path, after, PAGE, expand_groups=expand)

        return _whole(read, PAGE)


def _whole(read: Callable[[T | None], list[T]], size: int) -> list[T]:
    found = page = read(None)
    while len(page) == size:
        page = read(page[-1])
        found = found + page
    return found


@pytest.fixture
def large(databases: Databases) -> Iterator[Large]:
    """Ada, and two groups."""
    engine = create_database_engine(databases.new().database_url, pool_size=1)
    with engine.connect() as connection:
        made = Large(connection)
        made.sql(_ROLE)
        made.sql(_READER)
        made.sql(_SUBJECTS, names=[ADA, BIG, BAD])
        yield made
    engine.dispose()


@pytest.fixture
def users(large: Large) -> list[str]:
    """All of them in the big group; sorted."""
    names = sorted(f"users/{number}" for number in range(MANY))
    large.sql(_SUBJECTS, names=names)
    large.sql(_MEMBERS, name=BIG, members=names)
    return names


def test_all_in_a_group_are_listed(large: Large, users: list[str]) -> None:
    large.grant(Effect.ALLOW, [BIG], ["/a"])
    assert large.subjects("/a", expand=True) == [Holder(name, denied=False) for name in users]
    assert large.subjects("/a", expand=False) == [Holder(BIG, denied=False)]


def test_of_all_in_a_group_those_in_a_denied_one_are_not(large: Large, users: list[str]) -> None:
    large.sql(_MEMBERS, name=BAD, members=users[::2])
    large.grant(Effect.ALLOW, [BIG], ["/a"])
    large.grant(Effect.DENY, [BAD], ["/a"])
    listed = large.subjects("/a", expand=True)
    assert listed == [Holder(name, denied=False) for name in users[1::2]]


def test_each_who_was_granted_it_or_denied_it_is_listed(large: Large, users: list[str]) -> None:
    large.grant(Effect.ALLOW, [BIG, *users[::2]], ["/a"])
    large.grant(Effect.DENY, users[1::2], ["/a"])
    denied = [Holder(name, denied=index % 2 == 1) for index, name in enumerate(users)]
    assert large.subjects("/a", expand=False) == [Holder(BIG, denied=False), *denied]


# One of them with all but two of the segments that a path may have.
@pytest.mark.parametrize("folder", ["/p", "/p" * 62])
def test_all_paths_and_those_denied_below_them_are_listed(large: Large, folder: str) -> None:
    allowed = [f"{folder}/{number}" for number in range(MANY // 2)]
    denied = [f"{path}/x" for path in allowed]
    large.grant(Effect.ALLOW, [ADA], allowed)
    large.grant(Effect.DENY, [ADA], [*denied, "/elsewhere"])
    wanted = [Reached(path, denied=False) for path in allowed]
    wanted += [Reached(path, denied=True) for path in denied]
    assert large.paths() == sorted(wanted, key=lambda one: one.path)
    assert large.paths(under=f"{folder}/77") == [
        Reached(f"{folder}/77", denied=False),
        Reached(f"{folder}/77/x", denied=True),
    ]


def test_a_page_knows_what_those_before_it_reached(large: Large) -> None:
    large.grant(Effect.ALLOW, [ADA], ["/a", "/a!b", "/a.b/c"])
    large.grant(Effect.DENY, [ADA], ["/a/b", "/a/b/c", "/a!b/c"])
    wanted = [("/a", False), ("/a!b", False), ("/a!b/c", True), ("/a.b/c", False)]
    wanted += [("/a/b", True), ("/a/b/c", True)]
    for size in (1, 2, 5):
        assert large.paths(size=size) == [Reached(path, denied=it) for path, it in wanted]
