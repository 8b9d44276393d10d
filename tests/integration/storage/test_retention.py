"""What is past its time is deleted, and nothing else."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from service.kernel.call import Call, Replay, RequestKey
from service.kernel.changes import ChangeKind
from service.storage import retention
from service.storage.database import Database
from service.storage.retention import purge
from tests.support.databases import RING, Databases

_OLD = {
    "requests": "UPDATE requests SET time = now() - interval '25 hours' WHERE id = :it",
    "changes": "UPDATE changes SET time = now() - interval '25 hours' WHERE key = :it",
}


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    made = Database(databases.new().database_url, RING, connections=2)
    yield made
    made.dispose()


def change(database: Database, key: str) -> None:
    with database.transaction(Call.internal("test")) as tx:
        tx.change(ChangeKind.USER, key)
        tx.commit(None)


def age(database: Database, table: str, it: str) -> None:
    with database.transaction(Call.internal("test")) as tx:
        tx.connection.execute(text(_OLD[table]), {"it": it})
        tx.commit(None)


def answered(request_id: str) -> Call:
    key = RequestKey("users/1", request_id, b"body")
    return Call("test", key=key, pack=lambda committed: b"answer")


def test_kept_answers_are_deleted_after_a_day_and_not_before(database: Database) -> None:
    old, young = str(uuid4()), str(uuid4())
    for request_id in (old, young):
        with database.transaction(answered(request_id)) as tx:
            tx.commit(None)
    age(database, "requests", old)
    assert purge(database)["requests"] == 1
    with database.transaction(answered(old)) as tx:
        tx.commit(None)
    with pytest.raises(Replay), database.transaction(answered(young)):
        pytest.fail("its answer was deleted")


def test_the_newest_change_stays_because_everyone_is_there(database: Database) -> None:
    for key in ("older", "newest"):
        change(database, key)
        age(database, "changes", key)
    assert purge(database)["changes"] == 1
    with database.reading() as connection:
        left = connection.execute(text("SELECT key FROM changes")).scalars().all()
    assert left == ["newest"]


def test_more_than_fits_into_one_transaction_is_deleted_in_several(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    for number in range(6):
        change(database, f"old-{number}")
        age(database, "changes", f"old-{number}")
    assert purge(database)["changes"] == 5
