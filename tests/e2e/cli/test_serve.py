"""What `gatehouse serve` says, and why it does not start."""

import json
import re
import shlex
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.commands import Served, Shell, served

USED = (
    "cannot listen on 127.0.0.1:{port}, which is in use or not ours to open:"
    " set GATEHOUSE_{setting}"
)


def test_the_announcement_says_where_and_what_to_try(server: Served) -> None:
    assert server.announced.startswith("\nGatehouse is serving\n")
    assert "\x1b" not in server.announced
    assert f" login admin@gatehouse.local --server {server.address}\n" in server.announced
    with urlopen(f"{server.ops}/readyz") as answer:
        assert answer.read() == b"ready\n"


def test_the_grpcurl_line_holds_the_address_and_leaves_the_password_to_be_filled_in(
    server: Served,
) -> None:
    [line] = [line for line in server.announced.splitlines() if "grpcurl" in line]
    words = shlex.split(line)
    assert words[:3] == ["grpcurl", "-plaintext", "-d"]
    assert json.loads(words[3]) == {"email": "admin@gatehouse.local", "password": "…"}
    assert server.announced.count(server.password) == 1
    assert words[4:] == [server.address, "gatehouse.auth.v1.AuthService/Login"]


def test_the_first_password_is_said_once_and_a_given_one_never(tmp_path: Path) -> None:
    given = "an operator chose this one"
    with served(tmp_path / "data", BOOTSTRAP_ADMIN_PASSWORD=given) as first:
        assert given not in first.announced
        assert "as GATEHOUSE_BOOTSTRAP_ADMIN_PASSWORD says" in first.announced
    with served(tmp_path / "data", REFLECTION="off") as second:
        assert "The first admin" not in second.announced
        assert "grpcurl" not in second.announced


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"BCRYPT_COST": "99"}, "GATEHOUSE_BCRYPT_COST is '99': it takes a whole number"),
        ({"FOO": "1"}, "'GATEHOUSE_FOO' is no setting: the README lists all"),
        ({"TLS_CERT_FILE": "/nowhere", "TLS_KEY_FILE": "/nowhere"}, "GATEHOUSE_TLS_CERT_FILE is"),
        ({"OPS_ADDRESS": "127.0.0.1:{ops}"}, USED.format(port="{ops}", setting="OPS_ADDRESS")),
        ({"GRPC_ADDRESS": "127.0.0.1:{grpc}"}, USED.format(port="{grpc}", setting="GRPC_ADDRESS")),
        (
            {"BOOTSTRAP_ADMIN_PASSWORD": "short"},
            "GATEHOUSE_BOOTSTRAP_ADMIN_PASSWORD must have at least 15 characters",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_start_that_is_refused_says_why_in_one_line(
    server: Served, tmp_path: Path, settings: dict[str, str], line: str
) -> None:
    ports = {"grpc": server.address.split(":")[1], "ops": server.ops.split(":")[2]}
    given = {"GRPC_ADDRESS": "127.0.0.1:0", "OPS_ADDRESS": "127.0.0.1:0"} | settings
    environment = {f"GATEHOUSE_{name}": value.format(**ports) for name, value in given.items()}
    shell = Shell(tmp_path, GATEHOUSE_DATA_DIR=str(tmp_path / "data"), **environment)
    done = shell.run("serve")
    assert (done.code, done.out) == (1, "")
    last = done.err.splitlines()[-1]
    assert last.startswith(f"gatehouse: {line.format(**ports)}")
    assert "Traceback" not in done.err


def test_a_data_dir_in_use_is_refused_in_one_line(operator: Shell, server: Served) -> None:
    done = operator.run("serve")
    assert done.code == 1
    pattern = rf"gatehouse: {re.escape(str(server.data_dir))} is in use by process \d+"
    assert re.fullmatch(pattern, done.err.splitlines()[-1])
