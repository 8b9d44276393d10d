"""Roles over documents, and somebody who was granted just what a test says."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.clients import Person
from tests.support.databases import Databases
from tests.support.house import House, house, settings

ROLES = {
    "roles/doc-reader": ["documents.read"],
    "roles/doc-keeper": ["documents.*", "grants.*"],
    "roles/granter": ["grants.create", "grants.delete"],
    "roles/everything": ["*"],
}


def in_seconds(seconds: float) -> datetime:
    """A time from now on, by the machine's clock, which the tests' database shares."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def add_roles(house: House) -> None:
    """Creates ROLES."""
    for name, permissions in ROLES.items():
        house.admin.roles.CreateRole(role={"name": name, "permissions": permissions})


@pytest.fixture(scope="package")
def documents(databases: Databases) -> Iterator[House]:
    """A house of this package's own with roles for documents, which are kept elsewhere."""
    with house(databases.new(), settings()) as running:
        add_roles(running)
        yield running


@pytest.fixture
def holder(documents: House) -> Callable[..., Person]:
    """Makes somebody who was granted these: role, path, and more of CreateGrant's fields."""

    def make(*grants: tuple[Any, ...]) -> Person:
        person = documents.new_person()
        for role, path, *more in grants:
            documents.grant(person.name, role, path, **(more[0] if more else {}))
        return person

    return make
