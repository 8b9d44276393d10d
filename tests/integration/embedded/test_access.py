"""Who gets in, and where the passwords are to be seen."""

import json
import os
import pwd
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psutil
import psycopg
import pytest
import redis

from service.embedded import EmbeddedStores
from tests.integration.embedded.conftest import Ground, identity, servers_in, sql, valkey


@pytest.mark.parametrize("role", ["postgres", "gatehouse", "nosuch"])
def test_no_one_gets_into_postgresql_without_the_password(
    stores: EmbeddedStores, role: str
) -> None:
    for password in ("", "guess"):
        with pytest.raises(psycopg.OperationalError, match=r"password|pg_hba"):
            psycopg.connect(
                host=sockets(stores), port=5432, user=role, password=password, dbname="postgres"
            )


def test_the_password_opens_no_superuser(stores: EmbeddedStores) -> None:
    password = urlsplit(stores.database_url).password
    with pytest.raises(psycopg.OperationalError, match="pg_hba"):
        psycopg.connect(host=sockets(stores), user="postgres", password=password, dbname="postgres")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        sql(stores.database_url, "COPY (SELECT 1) TO PROGRAM 'id'")


def test_passwords_are_stored_salted(stores: EmbeddedStores, data: Path) -> None:
    assert sql(stores.database_url, "SHOW password_encryption") == "scram-sha-256"
    rules = (data / "postgres/pg_hba.conf").read_text().splitlines()
    assert rules == ["local all gatehouse scram-sha-256"]


def test_no_one_gets_into_valkey_without_the_password(stores: EmbeddedStores) -> None:
    socket = urlsplit(stores.redis_url).path
    for password in (None, "guess"):
        once = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        client = redis.Redis(unix_socket_path=socket, password=password, retry=once)
        with pytest.raises(redis.AuthenticationError):
            client.ping()
        client.close()


def test_neither_listens_on_a_network(stores: EmbeddedStores, data: Path) -> None:
    assert sql(stores.database_url, "SHOW listen_addresses") == ""
    assert valkey(stores.redis_url, "CONFIG", "GET", "port") == {"port": "0"}
    for process in servers_in(data):
        assert process.net_connections("inet") == []


def test_passwords_are_in_files_for_us_only(stores: EmbeddedStores, data: Path) -> None:
    for name in ("postgres.password", "valkey.password"):
        file = (data / name).stat()
        assert stat.S_IMODE(file.st_mode) == 0o600
        assert file.st_uid == os.geteuid()
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_passwords_are_on_no_command_line_in_no_environment_and_in_no_log(
    stores: EmbeddedStores, data: Path
) -> None:
    passwords = [(data / f"{store}.password").read_text() for store in ("postgres", "valkey")]
    seen = "".join(log.read_text() for log in (data / "logs").iterdir())
    for process in servers_in(data):
        seen += " ".join(process.cmdline()) + str(process.environ())
    assert "listen_addresses" in seen
    assert not any(password in seen for password in passwords)
    assert urlsplit(stores.database_url).password == passwords[0]
    assert unquote(urlsplit(stores.redis_url).password or "") == passwords[1]


def test_another_user_reaches_no_socket_even_with_the_password(
    stores: EmbeddedStores, python_for_all: str, someone: pwd.struct_passwd, our_ground: Ground
) -> None:
    addresses = [f"{sockets(stores)}/.s.PGSQL.5432", urlsplit(stores.redis_url).path]
    attempt = (
        "import socket, sys, json\n"
        "def knock(path):\n"
        "    try: socket.socket(socket.AF_UNIX).connect(path)\n"
        "    except OSError as error: return type(error).__name__\n"
        "print(json.dumps([knock(path) for path in sys.argv[1:]]))\n"
    )
    command = [python_for_all, "-c", attempt, *addresses]
    ours = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    theirs = subprocess.run(command, stdout=subprocess.PIPE, check=True, **identity(someone))
    assert json.loads(ours.stdout) == [None, None]
    assert json.loads(theirs.stdout) == ["PermissionError", "PermissionError"]


def test_what_the_stores_keep_is_closed_to_others(stores: EmbeddedStores, data: Path) -> None:
    owner = psutil.Process(servers_in(data)[0].pid).uids().effective
    for folder in (data / "postgres", data / "valkey"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == owner
        for path in folder.rglob("*"):
            assert not stat.S_IMODE(path.stat(follow_symlinks=False).st_mode) & 0o077, path


def sockets(stores: EmbeddedStores) -> str:
    return parse_qs(urlsplit(stores.database_url).query)["host"][0]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access") / "data"


@pytest.fixture(scope="module")
def stores(data: Path) -> Iterator[EmbeddedStores]:
    with EmbeddedStores(data) as stores:
        yield stores
