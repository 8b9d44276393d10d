"""Servers that are to be broken: each test has its own process, on a copy of a used DATA_DIR."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.process import ServerProcess


@pytest.fixture(scope="session")
def used_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR with an admin in it, so that the next start is quick."""
    server = ServerProcess(tmp_path_factory.mktemp("used") / "data")
    server.start()
    assert server.stop() == 0
    return server.data_dir


@pytest.fixture
def new_server(used_once: Path, tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Makes servers that are ended with the test, whatever is left of them."""
    made: list[ServerProcess] = []

    def make(**settings: str) -> ServerProcess:
        data_dir = tmp_path / f"data-{len(made)}"
        subprocess.run(["/bin/cp", "-a", used_once, data_dir], check=True)
        made.append(ServerProcess(data_dir, **settings))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(new_server: Callable[..., ServerProcess]) -> ServerProcess:
    """A server that serves."""
    made = new_server()
    made.start()
    return made
