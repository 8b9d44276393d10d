"""PostgreSQL: the engine, and the transaction that every use case runs in."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast

import psycopg
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.kernel.call import Call, Committed
from service.kernel.changes import Change, ChangeKind
from service.kernel.errors import Conflict, StorageFull, Unavailable
from service.kernel.events import Event
from service.storage import locks, requests
from service.storage.prepared import Prepared, together
from service.storage.revision import History
from service.storage.watchdog import Watchdog

T = TypeVar("T")

# One statement for all events of a transaction, one for all its changes: ending the sessions of
# somebody with many must not keep everyone else waiting for the order lock. They have one time,
# and a clock that is set back does not set the history back: times and positions are one order.
_INSERT_EVENTS = Prepared(
    text(
        "INSERT INTO events (id, type, subject, actor, time, request_id, peer, data)"
        " SELECT id, type, subject, :actor, (SELECT greatest("
        "clock_timestamp(), (SELECT time FROM events ORDER BY position DESC LIMIT 1)"
        ")), :request_id, :peer, data"
        " FROM json_to_recordset(CAST(:events AS json))"
        " AS event (id uuid, type text, subject text, data jsonb) RETURNING position"
    )
)
_INSERT_CHANGES = Prepared(
    text(
        "INSERT INTO changes (kind, key, expire_time)"
        " SELECT kind, key, expire_time FROM json_to_recordset(CAST(:changes AS json))"
        " AS change (kind text, key text, expire_time timestamptz) RETURNING position"
    )
)
_ORDER = Prepared(locks.ORDER)
# Not the last checkpoint's timeline: after a promotion that is the old one for minutes.
_HISTORY = text(
    "SELECT s.system_identifier AS system, CASE WHEN pg_is_in_recovery() THEN c.timeline_id"
    " ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"
    " END AS timeline, d.oid::bigint AS database"
    " FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d"
    " WHERE d.datname = current_database()"
)


def create_database_engine(url: str, *, pool_size: int, autocommit: bool = False) -> Engine:
    """An engine whose connections give up rather than wait: 10 s a statement, 5 s a lock.

    With `autocommit` each statement stands alone, and nothing need be rolled back.
    """
    alone: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None}
    return create_engine(
        url,
        **(alone if autocommit else {}),
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,  # the backend that served last has what it needs at hand
        hide_parameters=True,  # errors end up in logs, and parameters hold hashes and more
        pool_timeout=5.0,
        connect_args={
            "connect_timeout": 3,
            "application_name": "gatehouse",
            "tcp_user_timeout": 10_000,
            "options": "-c statement_timeout=10s -c lock_timeout=5s"
            " -c idle_in_transaction_session_timeout=30s -c timezone=UTC",
        },
    )


class Tx:
    """One use case's transaction. What is not committed when its block ends is rolled back."""

    def __init__(self, connection: Connection, call: Call, database: "Database") -> None:
        self.connection = connection
        self.call = call
        self._database = database
        self._events: list[Event] = []
        self._changes: list[Change] = []
        self._is_in_order = False

    def record(self, event: Event) -> None:
        """Keeps an event, written in this transaction at its commit."""
        self._events.append(event)

    def change(self, kind: ChangeKind, key: str, expire_time: datetime | None = None) -> None:
        """Tells every process, once committed, that what it knows of `key` is out of date."""
        self._changes.append(Change(kind, key, expire_time))

    def in_order(self) -> None:
        """From here on this transaction sees every commit before its own, and none comes between.

        For rules about the whole that two writers could break together, such as "somebody owns
        `/`": change, then call this, then look. It comes after every row lock, and nothing is
        locked after it, or two transactions could wait for each other. Asking again is free.
        """
        if not self._is_in_order:
            self.connection.execute(locks.ORDER)
            self._is_in_order = True

    def commit(self, value: T) -> Committed[T]:
        """Commits, and answers the use case's result with the revision it has from now on.

        The order is what matters: history last, under the lock that numbers it, and the answer for
        a repeated request in the same transaction as its effect.
        """
        position, changes = self._write_history()
        committed = Committed(value, self._database.history.revision(position) if position else "")
        requests.keep_answer(self.connection, self.call, committed, self._database.ring)
        self.connection.commit()
        if changes:
            self._database.announce(changes)
        if self._events:
            self._database.announce_events()
        return committed

    def _write_history(self) -> tuple[int, list[Change]]:
        if not self._events and not self._changes:
            return 0, []
        events = {
            "actor": self.call.actor,
            "request_id": self.call.request_id,
            "peer": self.call.peer,
            "events": json.dumps([_event_row(event) for event in self._events]),
        }
        changes = {"changes": json.dumps([_change_row(change) for change in self._changes])}
        numbered = []
        # Sent together, for whoever waits for the lock waits for each answer that we wait for. Each
        # statement sees all that was committed before the lock was ours.
        with together(self.connection):
            if not self._is_in_order:
                _ORDER.run(self.connection, {})
            if self._events:
                numbered.append(_INSERT_EVENTS.send(self.connection, events))
            if self._changes:
                numbered.append(_INSERT_CHANGES.send(self.connection, changes))
        positions = [[position for (position,) in rows.fetchall()] for rows in numbered]
        pairs = zip(self._changes, positions[-1], strict=True) if self._changes else ()
        written = [replace(change, position=position) for change, position in pairs]
        return positions[-1][-1], written


def _event_row(event: Event) -> dict[str, object]:
    return {
        "id": str(event.id),
        "type": event.type,
        "subject": event.subject,
        "data": dict(event.data),
    }


def _change_row(change: Change) -> dict[str, object]:
    expire_time = change.expire_time and change.expire_time.isoformat()
    return {"kind": change.kind, "key": change.key, "expire_time": expire_time}


class Database:
    """Transactions for use cases, reads for the rest, and faults told in the service's own words.

    Wiring points both at the change feed: `announce` is called with the changes of each commit, and
    `require_there` before each use. It raises Unavailable when PostgreSQL has not answered for a
    while, because a call to one that hangs would wait for as long, and hold a thread. After commits
    with events `announce_events` is called, for whoever follows these.
    """

    def __init__(self, url: str, ring: requests.Sealer, *, connections: int) -> None:
        """`connections` is how many there may be for transactions, and again for reads."""
        self._transactions = create_database_engine(url, pool_size=connections)
        self._reads = create_database_engine(url, pool_size=connections, autocommit=True)
        self.connections = 2 * connections
        self._watchdog = Watchdog()
        self.ring = ring
        self.announce: Callable[[Sequence[Change]], None] = lambda changes: None
        self.announce_events: Callable[[], None] = lambda: None
        self.require_there: Callable[[], None] = lambda: None
        self._history: History | None = None
        self._generation = 0
        for engine in (self._transactions, self._reads):
            event.listen(engine, "connect", self._refuse_another)
            event.listen(engine, "checkout", self._replace_old)

    @property
    def connections_in_use(self) -> int:
        """How many connections are serving a call now."""
        pools = (self._transactions.pool, self._reads.pool)
        return sum(cast(QueuePool, pool).checkedout() for pool in pools)

    @property
    def history(self) -> History:
        """Which history this database is in."""
        if self._history is None:
            with self.reading() as connection:
                self._history = read_history(connection)
        return self._history

    def reconnect(self) -> None:
        """The server was away: connections made before may be dead, so none is used again."""
        self._generation += 1

    def adopt(self, history: History) -> None:
        """The server is another one now (failover, restore), as the change feed has found.

        The connections there are may lead to the old one, which need not be dead.
        """
        if history != self._history:
            self._history = history
            self.reconnect()

    @contextmanager
    def transaction(self, call: Call) -> Iterator[Tx]:
        """A transaction in the name of `call`; ends with `return tx.commit(value)`.

        Raises Replay when the call's request id was answered before, Conflict where running the use
        case again may help, Unavailable when PostgreSQL is away.
        """
        self.require_there()
        _ = self.history  # read outside the transaction, so that commit has it at hand
        with self._connected(self._transactions) as connection:
            connection.begin()
            tx = Tx(connection, call, self)
            requests.open_once(connection, call, self.ring)
            yield tx

    def answer_repeat(self, call: Call) -> None:
        """Raises Replay as `transaction` does, for a use case that does much before it."""
        if call.key is not None:
            with self.transaction(call):
                pass

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for statements that each stand alone and change nothing.

        Raises Unavailable when PostgreSQL is away.
        """
        self.require_there()
        with self._connected(self._reads) as connection:
            yield connection

    def _replace_old(self, _connection: Any, record: Any, _proxy: object) -> None:
        """Closes a connection from before the last `reconnect`; the pool then makes a new one."""
        if record.info["generation"] != self._generation:
            raise DisconnectionError

    def _refuse_another(self, connection: Any, record: Any) -> None:
        """A failover or restore breaks every connection, so each new one is asked where it leads.

        Until the change feed has found the same, and what was remembered is dropped, what is
        remembered and what is read would be of two databases. Raises Unavailable.
        """
        record.info["generation"] = self._generation
        if self._history is None:
            return
        row = connection.execute(_HISTORY.text).fetchone()
        connection.rollback()
        if _history(*row) != self._history:
            raise Unavailable("The database is another one than before; retry.")

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.connect() as connection, self._watchdog.over(connection):
                try:
                    yield connection
                except psycopg.OperationalError:
                    # Of a prepared statement: SQLAlchemy has not seen that the server is gone, and
                    # the connections that wait in the pool are as dead as this one. (A lock that
                    # was not to be had is such an error too.)
                    driver: Any = connection.connection.driver_connection
                    if driver.closed:
                        connection.invalidate()
                        self.reconnect()
                    raise
        except PoolTimeout:
            raise Unavailable("No database connection came free; retry.") from None
        except (DBAPIError, psycopg.Error) as error:
            raise _in_our_words(error) from error

    def dispose(self) -> None:
        """Closes every connection."""
        self._watchdog.stop()
        self._transactions.dispose()
        self._reads.dispose()


def read_history(connection: Connection) -> History:
    """The history that the connected server is in."""
    return _history(*connection.execute(_HISTORY).one())


def _history(system: int, timeline: int, database: int) -> History:
    return History(system & 0xFFFFFFFFFFFFFFFF, timeline, database)


def _in_our_words(error: DBAPIError | psycopg.Error) -> Exception:
    """What a PostgreSQL fault (appendix A of its manual) means to a caller."""
    fault = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(fault, "sqlstate", None) or ""
    if state in {"40001", "40P01", "55P03"}:
        return Conflict()
    if state == "53100":
        return StorageFull()
    if state == "57014":
        return Unavailable("The database took too long; retry.")
    # 25006: read-only after a failover; 08, 53, 57: gone, crowded or shutting down.
    away = state == "25006" or state[:2] in {"08", "53", "57"}
    if away or (isinstance(fault, psycopg.OperationalError) and not state):
        return Unavailable("The database is away; retry.")
    return error
