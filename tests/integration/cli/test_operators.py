"""The operator's commands where no server is running: on stores of their own, and on given ones."""

import base64
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from service.cli.operator import unserved
from service.embedded import EmbeddedStores
from service.kernel.crypto import KeyRing
from service.storage.keyfile import kept_ring
from service.wiring import Stores
from tests.support.commands import Shell
from tests.support.databases import Databases
from tests.support.house import settings

KEY = os.urandom(32)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR that `gatehouse migrate` has made."""
    folder = tmp_path_factory.mktemp("operators")
    data = folder / "data"
    done = Shell(folder, GATEHOUSE_DATA_DIR=str(data)).run("migrate", "--json").json
    assert done["from"] == ""
    return data


@pytest.fixture
def operator(data_dir: Path, tmp_path: Path) -> Shell:
    ports = {"GATEHOUSE_GRPC_ADDRESS": "127.0.0.1:0", "GATEHOUSE_OPS_ADDRESS": "127.0.0.1:0"}
    return Shell(tmp_path, GATEHOUSE_DATA_DIR=str(data_dir), **ports)


def report(shell: Shell) -> dict[str, tuple[str, str]]:
    done = shell.run("doctor")
    lines = [line.split(maxsplit=1) for line in done.out.splitlines()]
    assert done.code == (1 if any(status == "problem" for status, _ in lines) else 0)
    return {rest[:17].strip(): (status, rest[17:]) for status, rest in lines}


def given(stores: Stores, **settings: str) -> dict[str, str]:
    """Settings that name stores, with the key of what is sealed there."""
    key = base64.b64encode(KEY).decode()
    url = stores.database_url.replace("+psycopg", "")
    all_of_them = {"DATABASE_URL": url, "REDIS_URL": stores.redis_url, "ENCRYPTION_KEYS": key}
    ports = {"GRPC_ADDRESS": "127.0.0.1:0", "OPS_ADDRESS": "127.0.0.1:0"}
    return {f"GATEHOUSE_{name}": it for name, it in (all_of_them | ports | settings).items()}


def test_migrating_again_does_nothing(operator: Shell) -> None:
    assert "which is the newest" in operator.run("migrate").out


def test_the_doctor_finds_a_new_data_dir_well_and_leaves_no_process(operator: Shell) -> None:
    found = report(operator)
    assert {status for status, _ in found.values()} == {"ok"}
    assert found["encryption keys"] == ("ok", "nothing is sealed yet")
    assert not (Path(operator.environment["GATEHOUSE_DATA_DIR"]) / "runtime").exists()


def test_a_password_of_nobody_cannot_be_reset(operator: Shell) -> None:
    line = operator.run("admin", "reset-password", "ada@example.org", "--generate").line
    assert line == "gatehouse: nobody has the e-mail address ada@example.org"


def test_the_doctor_makes_no_data_dir(tmp_path: Path) -> None:
    found = report(Shell(tmp_path, GATEHOUSE_DATA_DIR=str(tmp_path / "none")))
    assert found["data folder"][0] == "ok"
    assert not (tmp_path / "none").exists()


def test_the_doctor_leaves_an_empty_data_dir_empty(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    found = report(Shell(tmp_path, GATEHOUSE_DATA_DIR=str(empty)))
    told = f"{empty} holds no data yet: `gatehouse serve` makes them"
    assert found["data folder"] == ("ok", told)
    assert list(empty.iterdir()) == []


def test_the_doctor_says_where_no_data_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = report(Shell(tmp_path, GATEHOUSE_DATA_DIR=str(tmp_path / "file" / "data")))
    assert found["data folder"][0] == "problem"
    assert f"{tmp_path / 'file'} is not a folder" in found["data folder"][1]


def test_the_doctor_neither_makes_lost_keys_nor_migrates(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with EmbeddedStores(data):
        pass
    ports = {"GATEHOUSE_GRPC_ADDRESS": "127.0.0.1:0", "GATEHOUSE_OPS_ADDRESS": "127.0.0.1:0"}
    operator = Shell(tmp_path, GATEHOUSE_DATA_DIR=str(data), **ports)
    status, detail = report(operator)["data folder"]
    assert (status, f"{data / 'encryption.keys'} is missing" in detail) == ("problem", True)
    kept_ring(data / "encryption.keys")
    for _ in range(2):
        found = report(operator)
        assert found["schema"][0] == "ok"
        assert found["schema"][1].startswith("the database's schema is at nothing")
        assert found["schema"][1].endswith("`gatehouse serve` brings it up to date")
        assert found["clock"][0] == found["encryption keys"][0] == "skipped"


def test_the_doctor_says_which_settings_are_wrong_and_goes_no_further(tmp_path: Path) -> None:
    done = Shell(tmp_path, GATEHOUSE_WORKERS="x", GATEHOUSE_ISSUER="y").run("doctor", "--json")
    assert done.code == 1
    assert '"ok": false' in done.out
    assert "GATEHOUSE_WORKERS" in done.out
    assert "GATEHOUSE_ISSUER" in done.out


def test_the_doctor_sees_every_problem_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        nowhere = Stores("postgresql://127.0.0.1:1/x", "redis://127.0.0.1:1", None)
        settings = {"GRPC_ADDRESS": taken, "TLS_CERT_FILE": "/no", "TLS_KEY_FILE": "/no"}
        found = report(Shell(tmp_path, **given(nowhere, **settings)))
    assert found["TLS"] == (
        "problem",
        "GATEHOUSE_TLS_CERT_FILE is '/no': No such file or directory",
    )
    used = "is in use by another program: stop it, or set GATEHOUSE_GRPC_ADDRESS"
    assert found["gRPC port"] == ("problem", f"{taken} {used}")
    assert found["Redis"][0] == found["database"][0] == "problem"
    assert "GATEHOUSE_DATABASE_URL" in found["database"][1]
    assert found["schema"][0] == found["clock"][0] == "skipped"


def test_the_doctor_finds_given_stores_well(databases: Databases, tmp_path: Path) -> None:
    stores = prepared(databases)
    found = report(Shell(tmp_path, **given(stores)))
    assert {status for status, _ in found.values()} == {"ok"}


def test_the_doctor_knows_keys_that_are_not_this_databases(
    databases: Databases, tmp_path: Path
) -> None:
    other = base64.b64encode(os.urandom(32)).decode()
    found = report(Shell(tmp_path, **given(prepared(databases), ENCRYPTION_KEYS=other)))
    status, detail = found["encryption keys"]
    assert status == "problem"
    assert "is GATEHOUSE_ENCRYPTION_KEYS that of this database?" in detail
    assert other not in detail


def prepared(databases: Databases) -> Stores:
    """A database in which a server has sealed something."""
    stores = replace(databases.new(), ring=KeyRing([KEY]))
    with unserved(settings(), stores) as application:
        application.prepare()
    return stores
