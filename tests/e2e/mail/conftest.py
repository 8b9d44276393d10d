"""One Gatehouse that sends mail for all tests here, and people in it."""

from collections.abc import Iterator

import pytest

from tests.support.clients import Client, Credentials, Person
from tests.support.databases import Databases
from tests.support.house import new_email, settings
from tests.support.post import Post, posting


@pytest.fixture(scope="session")
def post(databases: Databases) -> Iterator[Post]:
    with posting(databases.new(), settings()) as running:
        yield running


@pytest.fixture
def ada(post: Post) -> Person:
    """Somebody, new for each test."""
    return post.house.new_person(display_name="Ada Lovelace")


@pytest.fixture
def anonymous(post: Post) -> Client:
    """Someone without a token."""
    return post.house.anonymous


@pytest.fixture
def pending(post: Post) -> Credentials:
    """Somebody who has no password yet."""
    email = new_email()
    made = post.house.admin.users.CreateUser(user={"email": email})
    return Credentials(made.user.name, email, "")
