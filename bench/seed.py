"""Users by the million, put straight into a server's database."""

import json
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

from bench.database import connect
from bench.gatehouse import Gatehouse
from bench.machine import ALL_CORES
from service.kernel.crypto import KeyRing
from service.storage.keyfile import kept_ring

FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_SHARD = 10_000
_COLUMNS = (
    "id, email, email_index, display_name, attributes, state, email_verified, mfa_enabled,"
    " password_hash, create_time, update_time, version"
)
_TYPES = [
    *("uuid", "bytea", "bytea", "bytea", "bytea", "text", "bool", "bool"),
    *("text", "timestamptz", "timestamptz", "int8"),
]
_HASH = "$bcrypt-sha256$v=2,t=2b,r=12$" + "n" * 22 + "$" + "h" * 31


def email_of(number: int) -> str:
    """The e-mail of the n-th user that `copy_users` makes."""
    return f"person.{number}@example.com"


def created(number: int) -> datetime:
    """When the n-th user was: one a minute."""
    return FIRST_DAY + timedelta(minutes=number)


def user_id(number: int) -> UUID:
    """The id of the n-th user: a UUIDv7 of that minute, the same in every run."""
    at = int(created(number).timestamp() * 1000)
    return UUID(int=at << 80 | 0x7 << 76 | 0b10 << 62 | number)


def copy_users(server: Gatehouse, count: int) -> None:
    """That many users by COPY, on all cores; every seventh is suspended."""
    shards = [range(start, min(start + _SHARD, count)) for start in range(0, count, _SHARD)]
    # Spawned, since this process uses gRPC, which does not survive a fork.
    with ProcessPoolExecutor(len(ALL_CORES), mp_context=get_context("spawn")) as workers:
        list(workers.map(partial(_copy, server.data_dir), shards))
    with connect(server.data_dir) as connection:
        connection.autocommit = True
        connection.execute(
            "INSERT INTO subjects SELECT 'users/' || id, state FROM users ON CONFLICT DO NOTHING"
        )
        # As autovacuum would, some minutes later.
        connection.execute("VACUUM ANALYZE users, subjects")


def _copy(data_dir: Path, numbers: range) -> None:
    ring = kept_ring(data_dir / "encryption.keys")
    statement = f"COPY users ({_COLUMNS}) FROM STDIN (FORMAT binary)"
    with connect(data_dir) as connection, connection.cursor().copy(statement) as copy:
        copy.set_types(_TYPES)
        for number in numbers:
            copy.write_row(_row(ring, number))


def _row(ring: KeyRing, number: int) -> tuple[object, ...]:
    """A user as `service.users.repository` writes one."""
    key, time, email = user_id(number), created(number), email_of(number)

    def seal(column: str, value: str) -> bytes:
        return ring.seal(value.encode(), f"users/{column}/{key}")

    return (
        key,
        seal("email", email),
        ring.blind_index(email, "users/email"),
        seal("display_name", f"Person {number}"),
        seal("attributes", json.dumps({"team": f"team-{number % 100}"})),
        "SUSPENDED" if number % 7 == 6 else "ACTIVE",
        True,
        False,
        _HASH,
        time,
        time,
        1,
    )
