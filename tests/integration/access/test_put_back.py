"""The files of the database put back as they were, in the same history: what is lost is noticed."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from service.access.models import Check, Freshness
from service.kernel.errors import Unavailable
from tests.support.databases import Databases
from tests.support.house import House, house, settings
from tests.support.reader import Reader

READ, ROLE = "users.read", "roles/member"
_LOSE = (
    "DELETE FROM grants WHERE path = '/lost'",
    "DELETE FROM changes WHERE position > :here",
    # The database refuses to lose events, so it must be held to be another one.
    "ALTER TABLE events DISABLE TRIGGER events_are_exported_first",
    "DELETE FROM events WHERE position > :here",
    "SELECT setval('positions', :here)",
)
_GO_ON = "INSERT INTO changes (kind, key) SELECT 'user', n::text FROM generate_series(1, :count) n"


@pytest.fixture(scope="module")
def other_house(databases: Databases) -> Iterator[House]:
    """A house of one's own, for its past is not what it was."""
    with house(databases.new(), settings()) as running:
        yield running


@pytest.fixture
def put_back(other_house: House) -> Iterator[tuple[Reader, str, Callable[[int], None]]]:
    """A replica that saw a grant which is then lost; and what lets the database go on from there,
    by so many changes.
    """
    ada = other_house.new_user().name
    [row] = other_house.sql("SELECT last_value AS here FROM positions")
    other_house.grant(ada, ROLE, "/lost")
    with closing(Reader(other_house.stores)) as reader:
        assert reader.allows(ada, READ, "/lost")
        for statement in _LOSE:
            given = {"here": row.here} if ":here" in statement else {}
            other_house.sql(statement, **given)
        yield reader, ada, lambda count: other_house.sql(_GO_ON, count=count) and None
    other_house.application.services.feed.read()  # and notices it, too


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_the_next_read_makes_it_forget_however_many_were_committed_since(
    put_back: tuple[Reader, str, Callable[[int], None]], count: int
) -> None:
    reader, ada, go_on = put_back
    go_on(count)
    reader.feed.read()
    assert not reader.allows(ada, READ, "/lost")


def test_until_then_nothing_is_loaded_into_what_is_remembered(
    put_back: tuple[Reader, str, Callable[[int], None]],
) -> None:
    reader, ada, _ = put_back
    with pytest.raises(Unavailable):
        reader.allows("users/somebody-else", READ, "/lost")
    assert not reader.allows(ada, READ, "/lost"), "it was noticed by then"


def test_until_then_nothing_is_answered_as_fully_consistent(
    put_back: tuple[Reader, str, Callable[[int], None]],
) -> None:
    reader, ada, _ = put_back
    question = [Check(ada, READ, "/lost")]
    with pytest.raises(Unavailable):
        reader.decisions.decide(question, Freshness(full=True))
    assert reader.decisions.decide(question, Freshness(full=True))[0] == [False]
