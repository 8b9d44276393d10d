"""Under root: who runs the stores, and what is left as it was."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.embedded import EmbeddedError, EmbeddedStores
from service.embedded.programs import Programs
from tests.integration.embedded.conftest import PACKAGES, SOURCE, Ground, servers_in, sql, valkey

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


def test_root_runs_no_store_as_root(tmp_path: Path, more_groups: None) -> None:
    with EmbeddedStores(tmp_path):
        servers = servers_in(tmp_path)
        assert [server.name() for server in servers] == ["postgres", "valkey-server"]
        for process in servers:
            assert set(process.uids()) == {pwd.getpwnam("nobody").pw_uid}
            assert 0 not in process.gids()
            assert groups(process.pid) == []


def test_all_of_it_may_lie_where_only_root_may_enter(our_ground: Ground) -> None:
    """As a clone under /root does, with its data and its installed packages."""
    closed = our_ground.folder / "root only"
    closed.mkdir(mode=0o700)
    packages = closed / "site-packages"
    install_privately(packages)
    our_ground.environment["PYTHONPATH"] = os.pathsep.join(map(str, (packages, SOURCE, PACKAGES)))
    before = facts(closed)
    for start in ("first", "second"):
        holder = our_ground.hold(closed / "data")
        assert holder.error is None
        sql(holder.database_url, f"CREATE TABLE {start} (x int)")
        assert valkey(holder.redis_url, "PING")
        for process in servers_in(closed / "data"):
            assert process.uids().real == pwd.getpwnam("nobody").pw_uid
            assert not Path(process.exe()).is_relative_to(PACKAGES)
        assert holder.stop() == {"stopped": True}
    assert (closed / "data/postgres/PG_VERSION").exists()
    assert facts(closed).items() >= before.items()
    assert len(facts(closed)) > len(before)


def test_existing_folders_keep_their_owner_and_mode(
    tmp_path: Path, someone: pwd.struct_passwd
) -> None:
    existing = [tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/data", tmp_path / "a/b/data/logs"]
    for folder, mode in zip(existing, (0o700, 0o750, 0o711, 0o755), strict=True):
        folder.mkdir()
        folder.chmod(mode)
    os.chown(existing[1], someone.pw_uid, someone.pw_gid)
    before = facts(tmp_path)
    with EmbeddedStores(existing[2]) as stores:
        assert sql(stores.database_url, "SELECT 1") == 1
    assert facts(tmp_path).items() >= before.items()


def test_data_that_a_user_made_stay_that_users(others_ground: Ground) -> None:
    data = others_ground.folder / "data"
    holder = others_ground.hold(data)
    sql(holder.database_url, "CREATE TABLE kept (x int)")
    holder.stop()
    with EmbeddedStores(data) as stores:
        assert sql(stores.database_url, "SELECT count(*) FROM kept") == 0
        assert {process.uids().real for process in servers_in(data)} == {others_ground.user.pw_uid}
    again = others_ground.hold(data)
    assert again.error is None
    assert sql(again.database_url, "SELECT count(*) FROM kept") == 0


def test_data_of_root_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(EmbeddedError, match="postgres belongs to root"):
        EmbeddedStores(tmp_path).start()


@pytest.fixture
def more_groups() -> Iterator[None]:
    """Root belongs to groups whose rights a store must not keep."""
    before = os.getgroups()
    os.setgroups([0, 4])
    yield
    os.setgroups(before)


def groups(pid: int) -> list[str]:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in status if line.startswith("Groups:")).split()[1:]


def install_privately(packages: Path) -> None:
    """Copies the packages, readable by root only, as an installation under umask 077 is."""
    installed = Programs.installed()
    postgres, store = installed.postgres_package, installed.valkey_package
    unused = shutil.ignore_patterns("pginstall", "include", "*.a")
    for package in (postgres, postgres.with_name(f"{postgres.name}.libs"), store):
        shutil.copytree(package, packages / package.name, ignore=unused)
    for path in (packages, *packages.rglob("*")):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)


def facts(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Mode, owner and group of everything in the folder, and of the folders it lies in."""
    found = {}
    for path in (*folder.parents, folder, *folder.rglob("*")):
        status = path.lstat()
        found[path] = (status.st_mode, status.st_uid, status.st_gid)
    return found
