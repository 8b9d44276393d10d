"""The examples, started and called as their README says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Served, served

EXAMPLES = Path(__file__).parents[3] / "examples"
README = (EXAMPLES / "README.md").read_text()
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def gatehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("examples")) as running:
        yield running


def test_every_line_of_the_readme_works_as_printed(gatehouse: Served, tmp_path: Path) -> None:
    script = _script("server.py")
    done = _run(gatehouse, script, tmp_path)
    assert done.returncode == 1, f"{script}\n{done.stdout}\n{done.stderr}"
    assert "written by users/" in done.stdout
    assert "One small step\n" in done.stdout
    assert _promised_refusal() in done.stderr
    # The same service with asyncio; what the first lines made is there already.
    again = _script("server_aio.py", made=True)
    done = _run(gatehouse, again, tmp_path)
    assert "One small step\n" in done.stdout, f"{again}\n{done.stdout}\n{done.stderr}"
    assert _promised_refusal() in done.stderr


def _run(gatehouse: Served, script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=EXAMPLES.parent,
        env={
            **{name: value for name, value in os.environ.items() if name.startswith("PYTHON")},
            "HOME": str(folder),
            "LOG": str(folder / "server.log"),
            "PATH": os.pathsep.join([str(BIN), "/usr/bin", "/bin"]),
            "PASSWORD": gatehouse.password,
            "GATEHOUSE_SERVER": gatehouse.address,
            "LISTEN": "127.0.0.1:0",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _script(server: str, *, made: bool = False) -> str:
    """The README's lines after `$`, the server in the background; without those `made` already."""
    lines = re.findall(r"^\$ (.*)$", README, re.MULTILINE)
    if made:
        lines = [it for it in lines if not re.search(r"gatehouse (?!login|keys)", it)]
    lines = [line.replace("cd examples", f"cd {EXAMPLES}") for line in lines]
    begun = [
        ': > "$LOG"',  # or the port of the server before may be read
        f'python {server} > "$LOG" &',
        "trap 'kill %1; wait %1' EXIT",
        """until grep -q "on port" "$LOG"; do kill -0 %1; done""",
        """export DOCUMENTS="127.0.0.1:$(grep -o '[0-9]*$' "$LOG")\"""",
    ]
    where = lines.index("python server.py")
    return "\n".join([*lines[:where], *begun, *lines[where + 1 :]])


def _promised_refusal() -> str:
    found = re.search(r"^PERMISSION_DENIED .*$", README, re.MULTILINE)
    assert found
    return found[0]
