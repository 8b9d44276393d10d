"""Files between models and messages."""

from collections.abc import Iterable, Iterator

from gatehouse.files.v1 import file_pb2
from gatehouse.files.v1 import file_service_pb2 as pb

from service.files.models import Download, File, Header, Wanted
from service.kernel.call import Call, Committed
from service.storage.pages import Page
from service.transport.answers import Encoded


def file(found: File) -> file_pb2.File:
    """A file as clients see it."""
    message = file_pb2.File(
        name=found.name,
        size=found.content.size,
        sha256=found.content.sha256,
        content_type=found.content_type,
        labels=found.labels,
        creator=found.creator,
        etag=found.etag,
    )
    message.create_time.FromDatetime(found.create_time)
    message.update_time.FromDatetime(found.update_time)
    return message


def header(message: pb.UploadFileHeader, call: Call) -> Header:
    """What a client says of an upload."""
    return Header(
        name=call.resolve(message.name),
        content_type=message.content_type,
        size=message.size if message.HasField("size") else None,
        sha256=message.sha256,
        labels=dict(message.labels),
        etag=message.etag,
    )


def chunks(messages: Iterable[pb.UploadFileRequest]) -> Iterator[bytes]:
    """The content of the messages after the header."""
    return (message.chunk for message in messages)


def downloaded(download: Download) -> Iterator[pb.DownloadFileResponse | Encoded]:
    """A download as it is sent."""
    yield pb.DownloadFileResponse(file=file(download.file))
    for chunk in download.chunks:
        yield Encoded.bytes_field(pb.DownloadFileResponse.CHUNK_FIELD_NUMBER, chunk)
    end = pb.DownloadFileEnd(sha256=download.file.content.sha256)
    yield pb.DownloadFileResponse(end=end)


def wanted(message: file_pb2.File, call: Call) -> Wanted:
    """What a client wants changed of a file."""
    return Wanted(call.resolve(message.name), message.content_type, dict(message.labels))


def listed(answer: tuple[Page[File], str]) -> pb.ListFilesResponse:
    """The answer to ListFiles."""
    page, revision = answer
    return pb.ListFilesResponse(
        files=[file(one) for one in page.items],
        next_page_token=page.next_page_token,
        revision=revision,
    )


def uploaded(committed: Committed[File]) -> pb.UploadFileResponse:
    """The answer to UploadFile."""
    return pb.UploadFileResponse(file=file(committed.value))


def updated(committed: Committed[File]) -> pb.UpdateFileResponse:
    """The answer to UpdateFile."""
    return pb.UpdateFileResponse(file=file(committed.value))


def moved(committed: Committed[File]) -> pb.MoveFileResponse:
    """The answer to MoveFile."""
    return pb.MoveFileResponse(file=file(committed.value))


def deleted(_committed: Committed[None]) -> pb.DeleteFileResponse:
    """The answer to DeleteFile."""
    return pb.DeleteFileResponse()
