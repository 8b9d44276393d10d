"""Files uploaded and downloaded, in as many attempts as it takes.

from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub
from gatehouse_client.files import download, upload

files = FileServiceStub(channel)
upload(files, "files/reports/q3.pdf", Path("q3.pdf"), content_type="application/pdf")
download(files, "files/reports/q3.pdf", Path("copy.pdf"))

Both block until all is done; with asyncio, call them in a thread (`asyncio.to_thread`) on a channel
of `connect`. Neither holds more than a few chunks in memory. Everything else that can be done with
files is one call of the stub.
"""

import hashlib
import os
import random
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from time import sleep
from typing import BinaryIO, cast
from uuid import uuid4

import grpc
from gatehouse.files.v1 import file_service_pb2 as pb
from gatehouse.files.v1.file_pb2 import File
from gatehouse.files.v1.file_service_pb2_grpc import FileServiceStub

from gatehouse_client.arrived import (
    Arrived,
    CutShort,
    Damaged,
    NotWhole,
    Replaced,
    opened_part,
    part_of,
)
from gatehouse_client.outgoing import Outgoing
from gatehouse_client.refusal import Refusal

__all__ = [
    "CutShort",
    "Damaged",
    "NotWhole",
    "Progress",
    "Replaced",
    "download",
    "part_of",
    "upload",
]

# How many bytes a message brings at most.
CHUNK = 256 * 1024

# Seconds, at random from half of it, before each further attempt: together they outlast a server
# that starts again. Bytes that arrive in between begin them anew.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)

Progress = Callable[[int, int | None], None]
"""Is told how many bytes there are by now, and how many there will be, None if nobody knows.

Called in the caller's thread, first before the first byte. The bytes are fewer than before when a
transfer has to start again; they begin with what was there already when it goes on.
"""


def upload(
    files: FileServiceStub,
    name: str,
    source: str | os.PathLike[str] | BinaryIO | Iterable[bytes],
    *,
    content_type: str = "",
    labels: Mapping[str, str] | None = None,
    etag: str = "",
    request_id: str = "",
    progress: Progress | None = None,
) -> File:
    """Uploads what `source` holds as the file `name`, `files/{path}`; answers the file.

    `source` is the path of a file, an open binary file, which is read from where it stands and not
    closed, or anything that gives bytes. An ordinary file is read twice: its size and SHA-256 go
    ahead, so that nothing else than what was read first becomes the file, and an upload that is cut
    off is repeated a few times, with one effect. What can be read only once is sent once.

    `content_type` is `application/octet-stream` when empty. With the `etag` of a file its content
    is replaced, labels and all; without one the name must be free. `request_id`, a UUID, is made up
    when empty; who repeats an upload of their own accord gives the same again.

    Raises grpc.RpcError when it is refused or cut off for good, OSError when the source cannot be
    read, and whatever an iterator raises; in all of these cases there is no such file, unless an
    answer was lost.
    """
    header = pb.UploadFileHeader(
        name=name,
        content_type=content_type,
        labels=labels,
        etag=etag,
        request_id=request_id or str(uuid4()),
    )
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            return _upload_file(files, header, file, progress)
    if hasattr(source, "read"):
        return _upload_file(files, header, cast(BinaryIO, source), progress)
    return _send(files, header, _even(source), progress, _outgoing())


def download(
    files: FileServiceStub,
    name: str,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    progress: Progress | None = None,
) -> File:
    """Downloads the file `name`, `files/{path}`, to `target`; answers the file.

    `target` is a path, or a binary file that is open for writing. A path that is a folder's stands
    for the file of that name in it. What arrives is kept in `part_of(target)`, a hidden file beside
    it, which takes the target's place once it is whole: the target is there with the content whose
    SHA-256 the server has told, or as it was before. A part that an earlier run left is gone on
    with, unless the content is another by now; anything else of that name is left alone. The target
    gets the mode of any new file.

    A download that is cut off goes on where it was, a few times. Into an open file the content is
    written as it comes: what was written counts only if this returns.

    Raises grpc.RpcError when it is refused or cut off for good, NotWhole when the content is not
    what it should be or was replaced meanwhile, and OSError when the target cannot be written:
    BlockingIOError while another process downloads to it, FileExistsError when the target is no
    ordinary file or what has the name of its part is none.
    """
    if not isinstance(target, str | os.PathLike):
        return _receive(files, name, Arrived(target), progress)
    path = Path(target)
    if path.is_dir():
        path /= name.rpartition("/")[2]
    if path.exists() and not path.is_file():
        raise FileExistsError(None, "it is no ordinary file", str(path))
    with opened_part(path) as part:
        file = _receive(files, name, part, progress)
        part.finish()
        return file


def _upload_file(
    files: FileServiceStub, header: pb.UploadFileHeader, source: BinaryIO, progress: Progress | None
) -> File:
    if not _can_be_read_twice(source):
        # As it comes: a slow pipe need not fill a chunk before the server hears of it.
        read = getattr(source, "read1", source.read)
        chunks = iter(lambda: read(CHUNK), b"")
        return _send(files, header, chunks, progress, _outgoing())
    begin = source.tell()
    if progress:  # reading all of it takes a while
        progress(0, source.seek(0, os.SEEK_END) - begin)
        source.seek(begin)
    content = hashlib.sha256()
    for chunk in iter(lambda: source.read(CHUNK), b""):
        content.update(chunk)
    header.size = source.tell() - begin
    header.sha256 = content.hexdigest()
    failures = 0
    while True:
        source.seek(begin)
        outgoing = _outgoing()
        try:
            return _send(files, header, _first(header.size, source), progress, outgoing)
        except grpc.RpcError as error:
            # What never began was tried five times by gRPC.
            begun = failures or outgoing.taken > 1
            if not begun or not _is_cut(error) or failures == len(PAUSES):
                raise
        _pause(failures)
        failures += 1


def _send(
    files: FileServiceStub,
    header: pb.UploadFileHeader,
    chunks: Iterator[bytes],
    progress: Progress | None,
    outgoing: Outgoing[pb.UploadFileRequest],
) -> File:
    """One attempt. It begins with the first bytes, however long they are waited for."""
    total = header.size if header.HasField("size") else None
    sent = 0
    if progress:
        progress(sent, total)
    chunks = chain([next(chunks, b"")], chunks)
    outgoing.put(pb.UploadFileRequest(header=header))
    call = files.UploadFile.future(outgoing)
    call.add_done_callback(lambda _: outgoing.end())
    try:
        for chunk in chunks:
            if chunk and not outgoing.put(pb.UploadFileRequest(chunk=chunk)):
                break  # it was answered, which may mean refused
            sent += len(chunk)
            if progress:
                progress(sent, total)
        outgoing.end()
        return call.result().file
    except BaseException:
        # Before anything else: a stream that merely ended would be a file.
        call.cancel()
        raise


def _receive(
    files: FileServiceStub, name: str, arrived: Arrived, progress: Progress | None
) -> File:
    failures = 0
    while True:
        before = arrived.size
        try:
            return _stream(files, name, arrived, progress)
        except Replaced as replaced:
            if failures == len(PAUSES):
                raise
            arrived.start_over(replaced)
        except (grpc.RpcError, CutShort) as error:
            if arrived.size > before:
                failures = 0
            # What never began was tried five times by gRPC.
            if not arrived.begun or not _is_cut(error) or failures == len(PAUSES):
                raise
        _pause(failures)
        failures += 1


def _stream(files: FileServiceStub, name: str, arrived: Arrived, progress: Progress | None) -> File:
    """One attempt, from where the last one came to."""
    file, end = File(), None
    call = files.DownloadFile(pb.DownloadFileRequest(name=name, offset=arrived.size))
    try:
        for message in call:
            match message.WhichOneof("content"):
                case "file":
                    file = message.file
                    arrived.begin(file)
                case "chunk":
                    arrived.take(message.chunk)
                case "end":
                    end = message.end
            if progress:
                progress(arrived.size, file.size)
    except grpc.RpcError as error:
        if arrived.size and _is_of_another_content(error):
            raise Replaced(f"{name} was replaced or deleted while it was downloaded") from error
        raise
    finally:
        call.cancel()
    if end is None:
        raise CutShort(f"{name} was cut off after {arrived.size} of {file.size} bytes")
    arrived.verify(file, end.sha256)
    return file


def _outgoing() -> Outgoing[pb.UploadFileRequest]:
    """An empty chunk tells the server that a slow pipe is still there."""
    return Outgoing(idle=pb.UploadFileRequest(chunk=b""))


def _can_be_read_twice(source: BinaryIO) -> bool:
    """Whether it has an end and a beginning to go back to: an ordinary file, or memory."""
    if not source.seekable():
        return False
    try:
        return stat.S_ISREG(os.fstat(source.fileno()).st_mode)
    except OSError:  # it is none of the system's files
        return True


def _first(size: int, source: BinaryIO) -> Iterator[bytes]:
    """So many bytes: a log that grows is uploaded as it was."""
    while size and (chunk := source.read(min(size, CHUNK))):
        size -= len(chunk)
        yield chunk


def _even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks."""
    pending = bytearray()
    for piece in pieces:
        pending += piece
        while len(pending) >= CHUNK:
            yield bytes(pending[:CHUNK])
            del pending[:CHUNK]
    yield bytes(pending)


def _is_cut(error: grpc.RpcError | CutShort) -> bool:
    """Whether another attempt may go better."""
    if isinstance(error, CutShort):
        return True
    refusal = Refusal.of(error)
    return (
        refusal.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        # The attempt before came to its end, and is becoming the file just now.
        or refusal.reason == "ERROR_REASON_REQUEST_IN_PROGRESS"
    )


def _is_of_another_content(error: grpc.RpcError) -> bool:
    refusal = Refusal.of(error)
    return (
        refusal.code is grpc.StatusCode.OUT_OF_RANGE
        or refusal.reason == "ERROR_REASON_FILE_CHANGED"
    )


def _pause(failures: int) -> None:
    sleep(PAUSES[failures] * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
