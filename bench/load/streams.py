"""Uploads and downloads from a process of its own: the contract's stub, and nothing around it.

Run as `python -m bench.load.streams`; for each line of JSON it answers one. It does the same for
either side of a duel, messages made and read included.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from time import perf_counter
from typing import Self

import grpc
from gatehouse.files.v1 import file_service_pb2 as pb
from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

from bench.load.content import Content
from bench.load.python_client import channel
from bench.machine import ALL_CORES, ROOT, pin

_TIMEOUT = 600


@dataclass(frozen=True)
class Transfer:
    """One stream: an `upload` in chunks of some size, a `download`, or a `download and sum`."""

    target: str
    token: str
    what: str
    name: str
    size: int
    chunk: int = 0


@dataclass(frozen=True)
class Transferred:
    """How long it took, from the call to its end, and what the server says of the file."""

    seconds: float
    size: int
    sha256: str


class Streams:
    """The process, on all cores."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        pin(self._process.pid, ALL_CORES)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def run(self, transfers: list[Transfer]) -> list[Transferred]:
        """All at once, each over a connection of its own. Raises EOFError when one is refused."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([asdict(one) for one in transfers]) + "\n")
        if not (answer := self._process.stdout.readline()):
            raise EOFError("a transfer was refused")
        return [Transferred(**one) for one in json.loads(answer)]


def _transfer(number: int, wanted: Transfer) -> Transferred:
    begin = _WHAT[wanted.what](wanted)
    stub = _stub(wanted.target, number)
    started = perf_counter()
    size, found = begin(stub, (("authorization", f"Bearer {wanted.token}"),))
    return Transferred(perf_counter() - started, size, found)


def _upload(wanted: Transfer) -> "_Stream":
    content = _content(wanted.size, wanted.chunk)

    def messages() -> Iterator[pb.UploadFileRequest]:
        header = pb.UploadFileHeader(name=wanted.name, size=wanted.size)
        yield pb.UploadFileRequest(header=header)
        for chunk in content.chunks():
            yield pb.UploadFileRequest(chunk=chunk)

    def stream(files: FileServiceStub, metadata: "_Metadata") -> tuple[int, str]:
        file = files.UploadFile(messages(), metadata=metadata, timeout=_TIMEOUT).file
        return file.size, file.sha256

    return stream


def _download(wanted: Transfer) -> "_Stream":
    def stream(files: FileServiceStub, metadata: "_Metadata") -> tuple[int, str]:
        size, told = 0, ""
        request = pb.DownloadFileRequest(name=wanted.name)
        for message in files.DownloadFile(request, metadata=metadata, timeout=_TIMEOUT):
            size += len(message.chunk)
            told = message.end.sha256
        return size, told

    return stream


def _download_and_sum(wanted: Transfer) -> "_Stream":
    def stream(files: FileServiceStub, metadata: "_Metadata") -> tuple[int, str]:
        size, found = 0, sha256()
        request = pb.DownloadFileRequest(name=wanted.name)
        for message in files.DownloadFile(request, metadata=metadata, timeout=_TIMEOUT):
            size += len(message.chunk)
            found.update(message.chunk)
        return size, found.hexdigest()

    return stream


_Metadata = tuple[tuple[str, str], ...]
_Stream = Callable[[FileServiceStub, _Metadata], tuple[int, str]]
_WHAT: dict[str, Callable[[Transfer], _Stream]] = {
    "upload": _upload,
    "download": _download,
    "download and sum": _download_and_sum,
}


@cache
def _stub(target: str, _number: int) -> FileServiceStub:
    """One for each of those at once, over a connection that stays."""
    opened = channel(target)
    grpc.channel_ready_future(opened).result(10)
    return FileServiceStub(opened)


@cache
def _content(size: int, chunk: int) -> Content:
    return Content(size, chunk)


if __name__ == "__main__":
    with ThreadPoolExecutor() as pool:
        for line in sys.stdin:
            wanted = [Transfer(**one) for one in json.loads(line)]
            done = pool.map(_transfer, range(len(wanted)), wanted)
            print(json.dumps([asdict(one) for one in done]), flush=True)
