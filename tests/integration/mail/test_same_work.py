"""Asking for a mail does the same for every address, as its statements show."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.clients import Credentials
from tests.support.house import House, new_email

# A statement, and how large each of its parameters is.
Statement = tuple[str, list[int]]


@contextmanager
def overheard() -> Iterator[list[Statement]]:
    """What calls say to PostgreSQL while the block runs, by whatever library."""
    said: list[Statement] = []
    really = psycopg.Cursor.execute

    def execute(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
        if threading.current_thread().name.startswith("calls"):
            given = params.values() if isinstance(params, dict) else params or ()
            said.append((str(query), [_size(it) for it in given]))
        return really(cursor, query, params, **options)

    psycopg.Cursor.execute = execute  # type: ignore[method-assign]
    try:
        yield said
    finally:
        psycopg.Cursor.execute = really  # type: ignore[method-assign]


def _size(parameter: Any) -> int:
    if isinstance(parameter, list | tuple):
        return sum(map(_size, parameter))
    return len(str(parameter.obj if isinstance(parameter, Jsonb) else parameter))


def known(house: House) -> str:
    return house.new_user().email


def pending(house: House) -> str:
    email = new_email()
    house.admin.users.CreateUser(user={"email": email})
    return email


def suspended(house: House) -> str:
    user: Credentials = house.new_user()
    house.admin.users.SuspendUser(name=user.name)
    return user.email


def unknown(_house: House) -> str:
    return new_email()


def no_address(_house: House) -> str:
    return "x" * 1024


def asked(house: House, email: str) -> list[Statement]:
    ask = house.anonymous.auth.RequestPasswordReset
    with overheard() as said:
        assert ask.with_metadata([("x-request-id", "same")], email=email) == ask.response()
    return said


@pytest.mark.parametrize("which", [pending, suspended, unknown, no_address])
def test_it_says_the_same_to_the_database(gatehouse: House, which: Callable[[House], str]) -> None:
    of_known = asked(gatehouse, known(gatehouse))
    assert len(of_known) == 1
    assert asked(gatehouse, which(gatehouse)) == of_known
