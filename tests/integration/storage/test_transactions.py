"""Transactions on a real PostgreSQL: all or nothing, in one order, faults in our own words."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from service.kernel.call import Call, Committed, Replay, RequestKey
from service.kernel.changes import Change, ChangeKind
from service.kernel.errors import Conflict, StorageFull, Unavailable
from service.kernel.events import Event
from service.storage.database import Database
from service.storage.prepared import Prepared
from service.storage.requests import RequestIdReused, RequestInProgress
from tests.support.databases import RING, Databases

CALL = Call("test", peer="192.0.2.1")
_EFFECT = text("INSERT INTO subjects (name, state) VALUES (:name, 'ACTIVE')")


@dataclass(frozen=True, slots=True)
class Happened(Event):
    """Something."""

    type = "gatehouse.test.happened"


@pytest.fixture(scope="module")
def database(databases: Databases) -> Iterator[Database]:
    made = Database(databases.new().database_url, RING, connections=10)
    yield made
    made.dispose()


def rows(database: Database, query: str, **given: object) -> list[object]:
    with database.reading() as connection:
        return list(connection.execute(text(query), given).scalars())


@contextmanager
def prepared_statements() -> Iterator[list[str]]:
    """The prepared statements that are run in the block."""
    run: list[str] = []
    execute = Prepared._execute

    def note(self: Prepared, *given: Any) -> Any:
        run.append(self._sql)
        return execute(self, *given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Prepared, "_execute", note)
        yield run


def happened(database: Database, subject: str) -> bool:
    return bool(rows(database, "SELECT 1 FROM subjects WHERE name = :it", it=subject))


def keyed(request_id: str, *, body: bytes = b"body", subject: str = "users/1") -> Call:
    key = RequestKey(subject, request_id, body)
    return Call("test", key=key, pack=lambda committed: str(committed.value).encode())


def test_what_is_not_committed_is_undone(database: Database) -> None:
    with database.transaction(CALL) as tx:
        tx.connection.execute(_EFFECT, {"name": "undone"})
        tx.record(Happened("undone"))
    assert not happened(database, "undone")
    assert rows(database, "SELECT 1 FROM events WHERE subject = 'undone'") == []


def test_an_effect_and_its_history_come_together(database: Database) -> None:
    announced: list[Change] = []
    database.announce = announced.extend
    with database.transaction(CALL) as tx:
        tx.connection.execute(_EFFECT, {"name": "whole"})
        tx.record(Happened("whole", {"why": "test"}))
        tx.change(ChangeKind.GRANTS, "whole")
        committed = tx.commit("done")
    database.announce = lambda changes: None
    [change] = announced
    assert committed == Committed("done", database.history.revision(change.position))
    assert rows(database, "SELECT peer FROM events WHERE subject = 'whole'") == ["192.0.2.1"]
    assert happened(database, "whole")


def test_a_long_history_is_written_at_once_and_in_order(database: Database) -> None:
    """Row by row it kept everyone waiting for the order lock for seconds."""
    announced: list[Change] = []
    database.announce = announced.extend
    with database.transaction(CALL) as tx:
        for number in range(50):
            tx.record(Happened("long", {"number": number}))
            tx.change(ChangeKind.USER, f"long/{number}")
        with prepared_statements() as run:
            tx.commit(None)
    database.announce = lambda changes: None
    assert len([it for it in run if it.startswith("INSERT")]) == 2
    ordered = "SELECT data->>'number' FROM events WHERE subject = 'long' ORDER BY position"
    assert rows(database, ordered) == [str(number) for number in range(50)]
    positions = "SELECT position FROM changes WHERE key = :key"
    assert [it.key for it in announced] == [f"long/{number}" for number in range(50)]
    for change in announced:
        assert rows(database, positions, key=change.key) == [change.position]


def test_who_does_not_get_the_lock_of_the_order_is_told_to_retry_and_nobody_else_reconnects(
    database: Database,
) -> None:
    def wait_in_vain() -> None:
        with database.transaction(CALL) as waiter:
            waiter.connection.execute(text("SET LOCAL lock_timeout = '10ms'"))
            waiter.record(Happened("waiting"))
            waiter.commit(None)

    generation = database._generation
    with database.transaction(CALL) as holder:
        holder.in_order()
        with pytest.raises(Conflict):
            wait_in_vain()
    assert database._generation == generation
    with database.transaction(CALL) as tx:
        tx.record(Happened("after"))
        assert tx.commit(None).revision


def test_nothing_is_announced_of_what_was_undone(database: Database) -> None:
    announced: list[Change] = []
    database.announce = announced.extend
    with database.transaction(CALL) as tx:
        tx.change(ChangeKind.GRANTS, "undone")
    database.announce = lambda changes: None
    assert announced == []


def test_positions_are_commit_order(database: Database) -> None:
    """Whoever reads up to a position never finds one below it later."""
    seen: list[int] = []
    missed: list[int] = []

    def write(_: int) -> None:
        for _ in range(10):
            with database.transaction(CALL) as tx:
                tx.record(Happened("order"))
                tx.change(ChangeKind.USER, "order")
                tx.commit(None)

    with ThreadPoolExecutor(4) as writers:
        done = [writers.submit(write, number) for number in range(4)]
        while not all(it.done() for it in done):
            found = rows(database, "SELECT position FROM changes WHERE key = 'order'")
            missed += [it for it in found if seen and it < seen[-1] and it not in seen]
            seen = sorted(found)
        for it in done:
            it.result()
    assert missed == []
    assert len(rows(database, "SELECT position FROM changes WHERE key = 'order'")) == 40


def test_a_repeated_request_is_answered_without_a_second_effect(database: Database) -> None:
    request_id = str(uuid4())
    with database.transaction(keyed(request_id)) as tx:
        tx.commit("first")
    with pytest.raises(Replay) as replay, database.transaction(keyed(request_id)):
        pytest.fail("the use case ran again")
    assert replay.value.answer == b"first"


def test_another_body_or_subject_is_told_apart(database: Database) -> None:
    request_id = str(uuid4())
    with database.transaction(keyed(request_id)) as tx:
        tx.commit("first")
    with pytest.raises(RequestIdReused), database.transaction(keyed(request_id, body=b"other")):
        pytest.fail("the use case ran")
    with database.transaction(keyed(request_id, subject="users/2")) as tx:
        tx.commit("theirs")


def test_a_request_that_is_still_running_is_told_so(database: Database) -> None:
    request_id = str(uuid4())
    with database.transaction(keyed(request_id)) as tx:
        with pytest.raises(RequestInProgress), database.transaction(keyed(request_id)):
            pytest.fail("the use case ran twice at once")
        tx.commit("first")


def test_a_connection_lost_before_the_commit_leaves_neither_effect_nor_answer(
    database: Database,
) -> None:
    request_id = str(uuid4())

    def work() -> None:
        with database.transaction(keyed(request_id)) as tx:
            tx.connection.execute(_EFFECT, {"name": request_id})
            pid = tx.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            rows(database, "SELECT pg_terminate_backend(:pid)", pid=pid)
            tx.commit("never")

    with pytest.raises(Unavailable):
        work()
    assert not happened(database, request_id)
    with database.transaction(keyed(request_id)) as tx:
        tx.commit("now")


def test_an_answer_is_kept_before_anything_is_committed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Had the effect been committed first, a kill between the two would have it happen twice."""
    from service.storage import database as module

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.requests, "keep_answer", killed)
    subject = str(uuid4())

    def work() -> None:
        with database.transaction(CALL) as tx:
            tx.connection.execute(_EFFECT, {"name": subject})
            tx.commit(None)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert not happened(database, subject)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SET TRANSACTION READ ONLY; DELETE FROM memberships", Unavailable),
        ("DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END$$", Conflict),
        ("DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END$$", Conflict),
        ("DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '55P03'; END$$", Conflict),
        ("DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53100'; END$$", StorageFull),
        ("DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53300'; END$$", Unavailable),
        ("DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '57P01'; END$$", Unavailable),
        ("DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '57014'; END$$", Unavailable),
        ("DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '08006'; END$$", Unavailable),
        ("SELECT pg_terminate_backend(pg_backend_pid())", Unavailable),
    ],
)
def test_faults_of_postgresql_are_told_in_our_words(
    database: Database, statement: str, error: type[Exception]
) -> None:
    with pytest.raises(error), database.transaction(CALL) as tx:
        tx.connection.execute(text(statement))


def test_another_fault_stays_what_it_is_without_its_parameters(database: Database) -> None:
    from sqlalchemy.exc import DBAPIError

    with pytest.raises(DBAPIError) as fault, database.transaction(CALL) as tx:
        tx.connection.execute(text("SELECT CAST(:it AS int)"), {"it": "hunter2"})
    assert "[parameters:" not in str(fault.value)


def test_no_free_connection_is_unavailable(databases: Databases) -> None:
    crowded = Database(databases.new().database_url, RING, connections=1)
    crowded._reads.pool._timeout = 0.01
    try:
        with crowded.reading(), pytest.raises(Unavailable), crowded.reading():
            pytest.fail("there was another")
    finally:
        crowded.dispose()


def test_a_database_that_is_not_there_is_unavailable(databases: Databases) -> None:
    lost = Database("postgresql+psycopg://u:p@/x?host=/nowhere", RING, connections=1)
    with pytest.raises(Unavailable), lost.reading():
        pytest.fail("it was there")
    lost.dispose()
