"""Servers that go in the middle of a file: clients go on with the next one."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest
from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

from gatehouse_client import connect
from gatehouse_client.files import download, upload
from tests.support.process import ServerProcess
from tests.support.waiting import wait_until

NAME = "files/reports/lander.bin"
# More than the connection holds while nobody reads.
CONTENT = os.urandom(64 * 1024 * 1024)


@pytest.fixture
def server(new_server: Callable[..., ServerProcess]) -> ServerProcess:
    """A server that comes back at the same address, and does not wait for its last calls."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    made = new_server(GRPC_ADDRESS=address, DRAIN_GRACE="0s")
    made.start()
    return made


@pytest.fixture
def files(server: ServerProcess) -> Iterator[FileServiceStub]:
    """As a client has it that has signed in before the server goes."""
    assert server.site is not None
    token = server.site.admin.tokens.access_token
    with connect(server.site.address, token=lambda: token) as channel:
        yield FileServiceStub(channel)


class Breaking:
    """Ends the server once, when so many bytes are there, and starts the next."""

    def __init__(self, server: ServerProcess, after: int, signal: Signals) -> None:
        self._server = server
        self._after = after
        self._signal = signal
        self.done = False

    def __call__(self, done: int, total: int | None) -> None:
        if not self.done and done >= self._after:
            self.done = True
            if self._signal is SIGKILL:
                self._server.kill_server()
            else:
                self._server.stop()
            self._server.start()


def was_called(server: ServerProcess, method: str) -> None:
    """Whether the second server saw to the rest."""
    name = f"/gatehouse.files.v1.FileService/{method}"
    wait_until(
        lambda: any(it.get("method") == name and it["code"] == "OK" for it in server.lines),
        f"the second server's {method}",
    )


@pytest.mark.parametrize("signal", [SIGKILL, SIGTERM], ids=lambda it: it.name)
def test_a_download_outlives_its_server(
    server: ServerProcess, files: FileServiceStub, tmp_path: Path, signal: Signals
) -> None:
    upload(files, NAME, [CONTENT])
    breaking = Breaking(server, len(CONTENT) // 8, signal)
    download(files, NAME, tmp_path / "lander.bin", progress=breaking)
    assert breaking.done
    assert (tmp_path / "lander.bin").read_bytes() == CONTENT
    was_called(server, "DownloadFile")


@pytest.mark.parametrize("signal", [SIGKILL, SIGTERM], ids=lambda it: it.name)
def test_an_upload_outlives_its_server_and_has_one_effect(
    server: ServerProcess, files: FileServiceStub, tmp_path: Path, signal: Signals
) -> None:
    (tmp_path / "lander.bin").write_bytes(CONTENT)
    breaking = Breaking(server, len(CONTENT) // 2, signal)
    file = upload(files, NAME, tmp_path / "lander.bin", progress=breaking)
    assert breaking.done
    was_called(server, "UploadFile")
    assert server.site is not None
    assert [it.etag for it in server.site.admin.files.ListFiles().files] == [file.etag]
    download(files, NAME, tmp_path / "copy.bin")
    assert (tmp_path / "copy.bin").read_bytes() == CONTENT
