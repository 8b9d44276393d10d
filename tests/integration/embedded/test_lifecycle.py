"""Starting, stopping and finding the data again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from service.embedded import EmbeddedError, EmbeddedStores, launch
from tests.integration.embedded.conftest import Ground, sql, valkey, working_in


def test_both_stores_are_the_real_ones(stores: EmbeddedStores) -> None:
    assert sql(stores.database_url, "SHOW server_version").startswith("18.")
    assert valkey(stores.redis_url, "INFO", "server")["server_name"] == "valkey"


def test_the_database_speaks_utf8_utc_and_the_same_locale_everywhere(
    stores: EmbeddedStores,
) -> None:
    def setting(name: str) -> object:
        return sql(stores.database_url, f"SHOW {name}")

    assert setting("server_encoding") == "UTF8"
    assert setting("timezone") == "UTC"
    assert setting("max_connections") == "100"
    provider = (
        "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'gatehouse'"
    )
    assert sql(stores.database_url, provider) == "bC.UTF-8"


def test_what_is_committed_is_on_the_disk(stores: EmbeddedStores) -> None:
    assert sql(stores.database_url, "SHOW fsync") == "on"
    assert sql(stores.database_url, "SHOW full_page_writes") == "on"
    assert sql(stores.database_url, "SHOW synchronous_commit") == "on"
    assert valkey(stores.redis_url, "CONFIG", "GET", "appendonly") == {"appendonly": "yes"}


def test_the_url_is_one_for_sqlalchemy(stores: EmbeddedStores) -> None:
    engine = sqlalchemy.create_engine(stores.database_url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TEMPORARY TABLE t (x int)"))
    engine.dispose()


def test_data_survive_a_stop(tmp_path: Path) -> None:
    with EmbeddedStores(tmp_path) as stores:
        sql(stores.database_url, "CREATE TABLE kept AS SELECT 'ä' AS word")
        valkey(stores.redis_url, "SET", "kept", "ä")
    with EmbeddedStores(tmp_path) as stores:
        assert sql(stores.database_url, "SELECT word FROM kept") == "ä"
        assert valkey(stores.redis_url, "GET", "kept") == "ä"


def test_a_stop_leaves_nothing_running_and_no_socket(ground: Ground) -> None:
    holder = ground.hold(ground.folder / "data")
    runtime = Path((ground.folder / "data/runtime").read_text())
    assert list(runtime.glob("postgres/.s.PGSQL.5432"))
    assert holder.stop() == {"stopped": True}
    assert not working_in(ground.folder)
    assert not runtime.exists()
    assert not (ground.folder / "data/postgres/postmaster.pid").exists()


def test_stopping_twice_or_before_a_start_is_no_error(tmp_path: Path) -> None:
    stores = EmbeddedStores(tmp_path)
    stores.stop()
    stores.start()
    stores.stop()
    stores.stop()


def test_the_same_object_can_start_again(tmp_path: Path) -> None:
    stores = EmbeddedStores(tmp_path)
    with stores:
        pass
    with stores:
        assert sql(stores.database_url, "SELECT 1") == 1


def test_a_second_start_is_refused_and_told_who_holds_it(
    stores: EmbeddedStores, data: Path
) -> None:
    with pytest.raises(EmbeddedError, match=rf"^{data} is in use by process {os.getpid()}$"):
        EmbeddedStores(data).start()
    assert sql(stores.database_url, "SELECT 1") == 1


def test_another_process_is_refused_and_told_who_holds_it(our_ground: Ground) -> None:
    first = our_ground.hold(our_ground.folder / "data")
    second = our_ground.hold(our_ground.folder / "data")
    assert second.error.endswith(f"is in use by process {first.process.pid}")
    assert sql(first.database_url, "SELECT 1") == 1


def test_stores_of_two_folders_do_not_meet(stores: EmbeddedStores, tmp_path: Path) -> None:
    with EmbeddedStores(tmp_path) as others:
        sql(others.database_url, "CREATE TABLE mine (x int)")
        valkey(others.redis_url, "SET", "mine", "1")
        assert sql(stores.database_url, "SELECT to_regclass('mine')") is None
        assert valkey(stores.redis_url, "GET", "mine") is None


@pytest.mark.parametrize(
    "name",
    ["with spaces, 'quotes' & 100%", "größe-дата-数据", "long/" + "/".join(["x" * 200] * 8)],
    ids=["odd characters", "not ASCII", "1,600 bytes long"],
)
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    with EmbeddedStores(tmp_path / name) as stores:
        assert sql(stores.database_url, "SELECT 1") == 1
        assert valkey(stores.redis_url, "PING")


def test_a_relative_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with EmbeddedStores(Path("data")) as stores:
        monkeypatch.chdir("/")
        assert sql(stores.database_url, "SELECT 1") == 1
    assert (tmp_path / "data/postgres/PG_VERSION").exists()


def test_a_long_temporary_folder_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with EmbeddedStores(tmp_path / "data") as stores:
        assert sql(stores.database_url, "SELECT 1") == 1


def test_the_callers_environment_changes_nothing(our_ground: Ground) -> None:
    foreign = {
        "PGDATA": "/nowhere",
        "PGHOST": "/nowhere",
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": "1",
        "PGUSER": "x",
        "PGPASSWORD": "x",
        "PGDATABASE": "x",
        "PGSERVICE": "nosuch",
        "PGOPTIONS": "-c nosuch=1",
        "PGTZ": "Asia/Tokyo",
        "LC_ALL": "xx_XX.latin1",
        "TZ": "Asia/Tokyo",
    }
    holder = our_ground.hold(our_ground.folder / "data", **foreign)
    assert sql(holder.database_url, "SHOW timezone") == "UTC"
    # It connects too when it is interrupted, in that environment.
    holder.process.send_signal(signal.SIGINT)
    assert holder.hear() == {"interrupted": "and still answers"}


def test_a_store_gets_an_environment_of_its_own() -> None:
    told = [str(os.getpid()), str(signal.SIGTERM.value), "-", "/usr/bin/env"]
    foreign = {**os.environ, "PGDATA": "/nowhere", "LC_ALL": "xx_XX", "LD_PRELOAD": ""}
    done = subprocess.run(
        [sys.executable, launch.__file__, *told], env=foreign, stdout=subprocess.PIPE, check=True
    )
    names = {line.partition(b"=")[0] for line in done.stdout.splitlines()}
    assert names == {b"LC_ALL", b"TZ", b"PATH"}


def test_the_callers_environment_is_as_it_was_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSERVICE", "nosuch")
    with EmbeddedStores(tmp_path) as stores:
        assert sql(stores.database_url, "SELECT 1") == 1
    assert os.environ["PGSERVICE"] == "nosuch"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="module")
def stores(data: Path) -> Iterator[EmbeddedStores]:
    with EmbeddedStores(data) as stores:
        yield stores
