"""`gatehouse login --provider`: a browser signs in, and the command gets the tokens."""

import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from service.auth.providers import Provider
from tests.support.commands import Done, Shell, finish
from tests.support.databases import Databases
from tests.support.forging_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    ForgingProvider,
    forging_provider,
)
from tests.support.house import House, house, new_email, settings
from tests.support.refusals import UNAUTHENTICATED, refused


@dataclass
class Terminal:
    """Somebody at a terminal beside a browser that they use themselves."""

    house: House
    shell: Shell
    forger: ForgingProvider
    redirect_uri: str

    def login(self) -> tuple["subprocess.Popen[str]", str]:
        """Types the command; answers it, and where its browser is to go."""
        arguments = ("login", "--provider", "forger", "--redirect-uri", self.redirect_uri)
        process = self.shell.start(*arguments)
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://127\S+/authorize\S+", line)
        assert found, line
        return process, found[0]

    def go_back(self, **parameters: str) -> int:
        """The browser is sent back; answers what the command's server says to that."""
        return requests.get(self.redirect_uri, params=parameters, timeout=20).status_code


@pytest.fixture
def terminal(databases: Databases, tmp_path: Path) -> Iterator[Terminal]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        redirect_uri = f"http://127.0.0.1:{free.getsockname()[1]}/back"
    with forging_provider() as forger:
        provider = Provider(
            id="forger",
            issuer=forger.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            redirect_uris=(redirect_uri,),
        )
        with house(databases.new(), settings(oidc_providers=(provider,))) as running:
            shell = Shell(tmp_path, GATEHOUSE_SERVER=running.address, BROWSER="true")
            yield Terminal(running, shell, forger, redirect_uri)


def ada(terminal: Terminal, url: str) -> dict[str, str]:
    return terminal.forger.come_back(
        url, sub="ada", email=new_email(), email_verified=True, name="Ada"
    )


def is_one_line(done: Done) -> str:
    assert done.code == 1
    [line] = done.err.splitlines()
    return line


def test_who_signs_in_with_a_browser_is_known_to_the_next_command(terminal: Terminal) -> None:
    process, url = terminal.login()
    assert terminal.go_back(**ada(terminal, url)) == 200
    done = finish(process)
    assert done.code == 0, done.err
    assert "as Ada (users/" in done.out
    assert terminal.shell.run("whoami", "--json").json["displayName"] == "Ada"


def test_who_only_sees_the_browser_come_back_is_not_signed_in(terminal: Terminal) -> None:
    process, url = terminal.login()
    seen = ada(terminal, url)
    with refused(UNAUTHENTICATED, reason="FEDERATED_LOGIN_REFUSED"):
        terminal.house.anonymous.auth.CompleteFederatedLogin(**seen)
    assert terminal.go_back(**seen) == 200
    assert finish(process).code == 0


def test_whoever_else_comes_back_is_not_heard(terminal: Terminal) -> None:
    process, url = terminal.login()
    back = ada(terminal, url)
    assert terminal.go_back(code="theirs", state="theirs") == 404
    assert terminal.go_back(code="theirs") == 404
    assert requests.get(f"{terminal.redirect_uri}x", params=back, timeout=20).status_code == 404
    assert terminal.go_back(**back) == 200
    assert finish(process).code == 0


def test_a_provider_that_signs_nobody_in_is_told_in_one_line(terminal: Terminal) -> None:
    process, url = terminal.login()
    state = ada(terminal, url)["state"]
    terminal.go_back(state=state, error="access_denied\x1b[2J")
    line = is_one_line(finish(process))
    assert "the provider did not sign you in: access_denied" in line
    assert "\x1b" not in line
    assert terminal.shell.token_files() == []


def test_a_provider_that_is_none_is_told_in_one_line(terminal: Terminal) -> None:
    uri = terminal.redirect_uri
    line = terminal.shell.run("login", "--provider", "x", "--redirect-uri", uri).line
    assert "[INVALID_ARGUMENT, UNKNOWN_PROVIDER]" in line


def test_an_address_that_another_listens_at_is_told_in_one_line(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        line = terminal.shell.run("login", "--provider", "forger", "--redirect-uri", uri).line
    assert "cannot listen for the browser at 127.0.0.1" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["ada@example.org", "--provider", "forger"],
        ["--provider", "forger", "--api-key-stdin"],
        ["--provider", "forger", "--password-stdin"],
        ["--provider", "forger", "--redirect-uri", "https://app.example.org/"],
        ["--provider", "forger", "--redirect-uri", "http://127.0.0.1/"],
        ["--provider", "forger", "--redirect-uri", "http://[::1:1/"],
        ["--provider", "forger", "--redirect-uri", "http://127.0.0.1:65536/"],
        ["--provider", "forger", "--redirect-uri", "http://app.example.org:80/"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_wrong_usage(shell: Shell, arguments: list[str]) -> None:
    assert shell.run("login", *arguments).code == 2
