"""What happens when processes die, are interrupted, or are mistaken for one another."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from service.embedded import EmbeddedStores
from service.embedded.privileges import HERE, account_for
from service.embedded.programs import Programs
from tests.integration.embedded.conftest import Ground, sql, valkey, wait_until, working_in


def test_the_stores_end_when_their_process_is_killed(ground: Ground) -> None:
    holder = ground.hold(ground.folder / "data")
    holder.kill()
    wait_until(lambda: not working_in(ground.folder))
    # By a shutdown in good order, not by the next start.
    assert "database system is shut down" in (ground.folder / "data/logs/postgres.log").read_text()


def test_the_next_start_need_not_wait_for_that(ground: Ground) -> None:
    runtimes = set()
    for _ in range(3):
        holder = ground.hold(ground.folder / "data")
        assert holder.error is None
        runtimes.add((ground.folder / "data/runtime").read_text())
        holder.kill()
    last = ground.hold(ground.folder / "data")
    runtimes.discard((ground.folder / "data/runtime").read_text())
    assert len(runtimes) == 3
    assert not any(Path(runtime).exists() for runtime in runtimes)
    assert last.stop() == {"stopped": True}


def test_what_was_acknowledged_survives_when_everything_is_killed(ground: Ground) -> None:
    data = ground.folder / "data"
    holder = ground.hold(data)
    sql(holder.database_url, "CREATE TABLE kept AS SELECT 'acknowledged' AS word")
    valkey(holder.redis_url, "SET", "kept", "acknowledged")
    everything = [psutil.Process(holder.process.pid), *working_in(data)]
    for process in everything:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    for process in everything:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    holder.process.wait()
    wait_until(lambda: not working_in(data))

    again = ground.hold(data)
    assert sql(again.database_url, "SELECT word FROM kept") == "acknowledged"
    assert valkey(again.redis_url, "GET", "kept") == "acknowledged"


def test_a_start_that_was_killed_halfway_is_begun_anew(made: Path) -> None:
    (made / "postgres").rename(made / "postgres.new")
    (made / "postgres.new/base").rename(made / "postgres.new/lost")
    with EmbeddedStores(made) as stores:
        assert sql(stores.database_url, "SELECT to_regclass('kept')") is None
    assert not (made / "postgres.new").exists()


def test_stores_that_outlived_their_process_are_replaced(made: Path) -> None:
    with postgres_left_running(made / "postgres") as left:
        with EmbeddedStores(made) as stores:
            assert sql(stores.database_url, "SELECT count(*) FROM kept") == 0
        # In good order: a killed one would answer -9.
        assert left.wait() == 0


def test_parts_of_a_killed_postgresql_do_not_prevent_the_next(our_ground: Ground) -> None:
    """A backend that computes does not notice that its postmaster died, and holds the memory."""
    data = our_ground.folder / "data"
    holder = our_ground.hold(data)
    url = holder.database_url.replace("+psycopg", "")
    with closing(psycopg.connect(url, autocommit=True)) as busy:
        backend = psutil.Process(busy.info.backend_pid)
        busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
        wait_until(lambda: backend.cpu_times().user > 0.1)
        postmaster = backend.parent()
        holder.process.kill()
        postmaster.kill()
        holder.process.wait()
        assert backend in working_in(data)
        with EmbeddedStores(data) as stores:
            assert sql(stores.database_url, "SELECT 1") == 1
            assert backend not in working_in(data)


@pytest.mark.parametrize("store", ["postgres", "valkey"])
def test_no_other_process_is_ended_even_if_the_pid_of_a_killed_one_passed_to_it(
    made: Path, store: str
) -> None:
    folder = made / store
    # It even works in the store's folder, as the store's user; only its program is another.
    bystander = subprocess.Popen(["/bin/sleep", "60"], cwd=folder, **as_account(folder))
    try:
        facts = f"{bystander.pid}\n{HERE}\n1\n5432\n/tmp\n\n1 1\nready\n"
        (folder / "postmaster.pid").write_text(facts)
        (folder / "postmaster.pid").chmod(0o644)
        with EmbeddedStores(made) as stores:
            assert sql(stores.database_url, "SELECT 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_stores_of_another_folder_are_not_ended_by_a_copied_pid_file(
    made: Path, tmp_path: Path
) -> None:
    with EmbeddedStores(tmp_path / "other") as other:
        for name in ("postgres/postmaster.pid", "runtime"):
            shutil.copyfile(tmp_path / "other" / name, made / name)
        with EmbeddedStores(made) as mine:
            assert sql(mine.database_url, "SELECT 1") == 1
        assert sql(other.database_url, "SELECT 1") == 1
        assert valkey(other.redis_url, "PING")


def test_a_ctrl_c_in_the_terminal_reaches_our_process_only(ground: Ground) -> None:
    holder = ground.hold(ground.folder / "data")
    os.killpg(holder.process.pid, signal.SIGINT)
    assert holder.hear() == {"interrupted": "and still answers"}
    assert holder.stop() == {"stopped": True}


def test_signals_blocked_in_our_process_reach_the_stores_all_the_same(tmp_path: Path) -> None:
    blocked = {signal.SIGTERM, signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        stores = EmbeddedStores(tmp_path)
        stores.start()
        valkey(stores.redis_url, "SET", "kept", "1")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    stores.stop()
    assert "bye bye" in (tmp_path / "logs/valkey.log").read_text()


def as_account(folder: Path) -> dict[str, object]:
    account = account_for(folder)
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


@contextmanager
def postgres_left_running(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A server of that folder that nobody told of its parent's death."""
    left = subprocess.Popen(
        [Programs.installed().postgres, "-D", HERE, "--listen_addresses=", "-k", HERE],
        cwd=folder,
        env={"LC_ALL": "C"},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **as_account(folder),
    )
    try:
        pid_file = folder / "postmaster.pid"
        wait_until(lambda: pid_file.exists() and "ready" in pid_file.read_text())
        yield left
    finally:
        left.kill()
        left.wait()
