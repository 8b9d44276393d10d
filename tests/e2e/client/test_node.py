"""A client in Node, its stubs made from the contract by npm's own tools."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Person
from tests.support.house import House
from tools import protos

SOURCE = Path(__file__).parent / "node"
# Kept between runs, outside of what is committed.
INSTALLED = protos.ROOT / ".node"


@pytest.fixture(scope="module")
def installed() -> Path:
    """A folder with the client and the packages of its lock file."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    locked = (SOURCE / "package-lock.json").read_bytes()
    folder = INSTALLED / hashlib.sha256(locked).hexdigest()[:16]
    if not folder.exists():
        new = folder.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(SOURCE, new)
        try:
            subprocess.run([npm, "ci"], cwd=new, check=True, capture_output=True, timeout=60)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm cannot get the packages of {SOURCE.name}: {type(error).__name__}")
        new.rename(folder)
    shutil.copy(SOURCE / "client.js", folder)
    return folder


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract as a FileDescriptorSet."""
    return protos.make_image(protos.PROTO, tmp_path_factory.mktemp("contract") / "contract.binpb")


class Talk:
    """What the client says, line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hear(self, what: str) -> Any:
        """The answer of the next line, which must be about that."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "node has ended"
        said = json.loads(line)
        assert said["what"] == what, said
        return said["answer"]

    def finish(self) -> None:
        """Has the client leave."""
        self._process.communicate("done\n", timeout=20)
        assert self._process.returncode == 0


@contextmanager
def talking(folder: Path, *arguments: str | Path) -> Iterator[Talk]:
    command = ["node", folder / "client.js", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Talk(process)
        finally:
            process.kill()


def test_it_signs_in_calls_and_watches(
    installed: Path, contract: Path, gatehouse: House, admin: Person, ada: Person
) -> None:
    role = f"roles/r{ada.name[-12:]}"
    admin.roles.CreateRole(role={"name": role, "permissions": ["documents.read"]})
    gatehouse.grant(ada.name, role, "/projects/apollo")
    arguments = (contract, gatehouse.address, admin.email, admin.password, ada.name)
    with talking(installed, *arguments) as node:
        me = node.hear("WhoAmI")
        assert (me["subject"], me["scopes"]) == (admin.name, ["*"])
        assert node.hear("documents.read")["allowed"] is True
        assert node.hear("documents.delete")["allowed"] is False
        refused = node.hear("without a token")
        assert refused["code"] == "UNAUTHENTICATED"
        assert node.hear("WatchRevocations")["cursor"]
        ada.auth.Logout()
        heard: list[str] = []
        while ada.session not in heard:
            heard += [it["session"] for it in node.hear("WatchRevocations")["revocations"]]
        node.finish()
