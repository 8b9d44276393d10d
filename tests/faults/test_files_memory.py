"""What the server holds of a file on its way: some parts, however large the file."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.files import upload
from tests.support.process import ServerProcess

MIB = 1024 * 1024
CHUNK = 256 * 1024


class Memory:
    """Of one process, in bytes."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    def begin(self) -> None:
        """Forgets the peak there was."""
        (self._proc / "clear_refs").write_text("5")
        self._before = self._read("VmRSS")

    @property
    def taken(self) -> int:
        """The most since then, over what was taken before."""
        return self._read("VmHWM") - self._before

    def _read(self, name: str) -> int:
        lines = (self._proc / "status").read_text().splitlines()
        [line] = [it for it in lines if it.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024


def chunks(seed: int, size: int) -> Iterator[bytes]:
    block = bytes((seed + it) % 251 for it in range(CHUNK))
    for at in range(0, size, CHUNK):
        yield (at.to_bytes(8, "big") + block)[: min(CHUNK, size - at)]


def up(client: Client, seed: int, size: int) -> str:
    """Uploads; answers the sum of what was sent."""
    total = sha256()

    def summed() -> Iterator[bytes]:
        for chunk in chunks(seed, size):
            total.update(chunk)
            yield chunk

    file = upload(client, f"files/{seed}-{size}", summed())
    assert (file.size, file.sha256) == (size, total.hexdigest())
    return total.hexdigest()


def down(client: Client, seed: int, size: int) -> str:
    """Downloads, keeping nothing; answers the sum of what came."""
    total, received, end = sha256(), 0, ""
    for message in client.files.DownloadFile(name=f"files/{seed}-{size}"):
        total.update(message.chunk)
        received += len(message.chunk)
        end = message.end.sha256
    assert (received, total.hexdigest()) == (size, end)
    return end


def both(client: Client, seed: int, size: int) -> None:
    assert up(client, seed, size) == down(client, seed, size)


# A stream holds three parts of 4 MiB, each twice more while it is sealed or opened, and gRPC some
# 8 MiB for its peer; the allocator keeps as much again of what threads gave back.
STREAM = 44 * MIB
KEPT = 36 * MIB

off = pytest.param("off", marks=pytest.mark.long)
encryptions = pytest.mark.parametrize("encryption", [off, "on"])


@encryptions
def test_a_large_file_takes_no_more_than_its_stream(
    new_server: Callable[..., ServerProcess], encryption: str
) -> None:
    server = new_server(FILE_ENCRYPTION=encryption)
    admin = server.start().admin
    both(admin, 1, MIB)  # what is taken once, whatever the size
    memory = Memory(server.process.pid)
    memory.begin()
    both(admin, 2, 160 * MIB)
    assert memory.taken <= STREAM + KEPT


@encryptions
@pytest.mark.long
def test_ten_large_files_take_no_more_than_ten_streams(
    new_server: Callable[..., ServerProcess], encryption: str
) -> None:
    server = new_server(FILE_ENCRYPTION=encryption)
    admin = server.start().admin
    both(admin, 0, MIB)
    memory = Memory(server.process.pid)
    memory.begin()
    with ThreadPoolExecutor(10) as ten:
        for one in [ten.submit(both, admin, seed, 64 * MIB) for seed in range(1, 11)]:
            one.result()
    assert memory.taken <= 10 * STREAM + KEPT
