"""The commands over TLS, to a server that asks for certificates itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cli.conftest import ADMIN
from tests.integration.ops.conftest import Authority, Files
from tests.support.commands import Served, Shell, served


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    authority = Authority()
    made = Files(tmp_path_factory.mktemp("tls"))
    made.put_pair(authority.issue())
    made.put(made.client_ca, authority.cert)
    return made


@pytest.fixture(scope="module")
def strict_server(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = {
        "TLS_CERT_FILE": str(files.cert),
        "TLS_KEY_FILE": str(files.key),
        "TLS_CLIENT_CA_FILE": str(files.client_ca),
    }
    with served(tmp_path_factory.mktemp("strict") / "data", **settings) as running:
        yield running


def test_the_options_of_a_connection_may_stand_in_the_environment(
    strict_server: Served, files: Files, tmp_path: Path
) -> None:
    shell = Shell(
        tmp_path,
        GATEHOUSE_SERVER=strict_server.address,
        GATEHOUSE_CA_FILE=str(files.client_ca),
        GATEHOUSE_CERT_FILE=str(files.cert),
        GATEHOUSE_KEY_FILE=str(files.key),
    )
    done = shell.run("login", ADMIN, "--password-stdin", typed=strict_server.password)
    assert done.code == 0, done.err
    assert shell.run("whoami", "--json").json["roles"] == ["roles/owner"]


def test_a_server_of_an_unknown_authority_is_refused_with_a_hint(
    strict_server: Served, tmp_path: Path
) -> None:
    shell = Shell(tmp_path, GATEHOUSE_SERVER=strict_server.address)
    line = shell.run("login", ADMIN, "--password-stdin", "--tls", typed="secret").line
    assert "is --ca-file the CA of its certificate" in line


def test_the_announcement_says_how_to_come_in_over_tls(strict_server: Served) -> None:
    assert strict_server.ops.startswith("https://")
    assert "--ca-file CA.pem" in strict_server.announced
    assert "grpcurl -cacert CA.pem" in strict_server.announced
    assert "(plaintext)" not in strict_server.announced
