"""A FileService that keeps one file in memory, and fails in the way that a test asks for."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from gatehouse.files.v1 import file_service_pb2 as pb
from gatehouse.files.v1.file_pb2 import File
from gatehouse.files.v1.file_service_pb2_grpc import (
    FileServiceServicer,
    add_FileServiceServicer_to_server,
)
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from service.transport.half_close import ended_by_client

NAME = "files/reports/q3.pdf"


@dataclass
class Cut:
    """Where a stream ends, and how: OK is a stream that stops without its end."""

    after: int
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    reason: str = ""


@dataclass
class SmallFileService(FileServiceServicer):
    """`cuts` are used up one by one, an attempt each; so are `versions`, the contents to serve."""

    content: bytes = b""
    chunk: int = 1000
    address: str = ""
    told_sha256: str = ""
    versions: list[bytes] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    headers: list[pb.UploadFileHeader] = field(default_factory=list)
    largest: int = 0
    empty: int = 0
    cancelled: int = 0
    uploaded: bytes | None = None

    def UploadFile(
        self, messages: Iterator[pb.UploadFileRequest], context: grpc.ServicerContext
    ) -> pb.UploadFileResponse:
        """Keeps what comes, unless it is cut off."""
        header = next(messages).header
        self.headers.append(header)
        cut = self.cuts.pop(0) if self.cuts else None
        content = b""
        try:
            for message in messages:
                content += message.chunk
                self.empty += not message.chunk
                self.largest = max(self.largest, len(message.chunk))
                if cut and len(content) >= cut.after:
                    refuse(context, cut.code, cut.reason)
        except grpc.RpcError:
            self.cancelled += 1
            raise
        if cut:
            refuse(context, cut.code, cut.reason)
        if not ended_by_client(context):
            self.cancelled += 1
            raise grpc.RpcError
        promised = header.sha256 or hashlib.sha256(content).hexdigest()
        if promised != hashlib.sha256(content).hexdigest():
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "CONTENT_MISMATCH")
        self.uploaded = content
        return pb.UploadFileResponse(file=file_of(content, header.name))

    def GetFile(self, request: pb.GetFileRequest, context: grpc.ServicerContext) -> NoReturn:
        """There is no file of the name by which an upload asks for what it replaces."""
        refuse(context, grpc.StatusCode.NOT_FOUND, "FILE_NOT_FOUND")

    def DownloadFile(
        self, request: pb.DownloadFileRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.DownloadFileResponse]:
        """Serves the content from the offset, up to where it is cut off."""
        self.offsets.append(request.offset)
        if self.versions:
            self.content = self.versions.pop(0)
        cut = self.cuts.pop(0) if self.cuts else None
        end = min(cut.after if cut else len(self.content), len(self.content))
        if request.offset > len(self.content):
            refuse(context, grpc.StatusCode.OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE")
        file = file_of(self.content, request.name)
        yield pb.DownloadFileResponse(file=file)
        for start in range(request.offset, end, self.chunk):
            chunk = self.content[start : min(start + self.chunk, end)]
            yield pb.DownloadFileResponse(chunk=chunk)
        if cut is None:
            sha256 = self.told_sha256 or file.sha256
            yield pb.DownloadFileResponse(end=pb.DownloadFileEnd(sha256=sha256))
        elif cut.code is not grpc.StatusCode.OK:
            refuse(context, cut.code, cut.reason)


@contextmanager
def small_file_service(content: bytes, **given: Any) -> Iterator[SmallFileService]:
    """On a free port, in plaintext, with a file to download."""
    made = SmallFileService(content, **given)
    running = grpc.server(ThreadPoolExecutor(4))
    add_FileServiceServicer_to_server(made, running)
    made.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield made
    running.stop(None).wait()


def file_of(content: bytes, name: str = NAME) -> File:
    """The file that has this content."""
    sha256 = hashlib.sha256(content).hexdigest()
    return File(name=name, size=len(content), sha256=sha256, etag=sha256[:8])


def refuse(context: grpc.ServicerContext, code: grpc.StatusCode, reason: str) -> NoReturn:
    """Refuses as Gatehouse does; without a reason as a network does."""
    if not reason:
        context.abort(code, "cut")
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=f"ERROR_REASON_{reason}", domain="gatehouse"))
    number = code_pb2.Code.Value(code.name)
    status = status_pb2.Status(code=number, message=f"{reason}.", details=[detail])
    context.abort_with_status(rpc_status.to_status(status))
