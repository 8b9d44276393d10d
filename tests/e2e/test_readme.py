"""The README's tour, run as it is printed, against a server started for it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Served, served

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TOUR = README[README.index("## Five minutes") : README.index("## What a client can rely on")]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("readme")) as running:
        yield running


def test_every_line_of_the_tour_works_as_printed(server: Served, tmp_path: Path) -> None:
    if not _runs("grpcurl"):
        pytest.skip("no grpcurl for this platform, or for a path with spaces")
    script = _script(server)
    (tmp_path / "tour.py").write_text(_python().replace("127.0.0.1:50051", server.address))
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={
            "HOME": str(tmp_path),
            "PATH": os.pathsep.join([str(BIN), "/usr/bin", "/bin"]),
            "GATEHOUSE_SERVER": server.address,
            "GATEHOUSE_GRPC_ADDRESS": server.address,
            "GATEHOUSE_OPS_ADDRESS": server.ops.removeprefix("http://"),
            "GATEHOUSE_DATA_DIR": str(server.data_dir),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, f"{script}\n{run.stdout}\n{run.stderr}"
    for expected in _promised():
        assert expected in run.stdout


def _runs(program: str) -> bool:
    try:
        subprocess.run([BIN / program, "-version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _script(server: Served) -> str:
    """The lines after `$` in the tour, with the server's real address and password."""
    lines = re.findall(r"^\$ (.*)$", TOUR, re.MULTILINE)
    lines = [re.sub(r"^PASSWORD=.*", f"PASSWORD='{server.password}'", line) for line in lines]
    lines = [line for line in lines if not line.startswith("export PATH")]
    return "\n".join(lines).replace("127.0.0.1:50051", server.address)


def _python() -> str:
    match = re.search(r"```python\n(.*?)```", TOUR, re.DOTALL)
    assert match
    return match[1]


def _promised() -> list[str]:
    """What the tour shows as answers, as far as it is the same each time."""
    return [
        "gatehouse.users.v1.UserService.SuspendUser is a method:",
        '"status": "SERVING"',
        '"roles/owner"',
        "ada@example.org",
        "allowed: documents.write on /projects/apollo/documents/42 for ada@example.org",
        "roles/editor allows documents.write on /projects/apollo",
        "gatehouse grants create /finance roles/editor ada@example.org",
        "FAILED_PRECONDITION ERROR_REASON_LAST_OWNER - This is the last owner of /;",
    ]
