"""Uploading and downloading over a real channel."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from gatehouse.files.v1 import file_service_pb2 as pb

from tests.support.clients import Client
from tests.support.house import House
from tests.support.waiting import wait_until

CHUNK = 64 * 1024


def messages(header: dict[str, Any], content: bytes | Iterable[bytes]) -> Iterator[Any]:
    """The messages of an upload."""
    yield pb.UploadFileRequest(header=header)
    chunks = cut(content) if isinstance(content, bytes) else content
    for chunk in chunks:
        yield pb.UploadFileRequest(chunk=chunk)


def cut(content: bytes, size: int = CHUNK) -> Iterator[bytes]:
    """The content in chunks."""
    return (content[at : at + size] for at in range(0, len(content), size))


def upload(client: Client, name: str, content: bytes | Iterable[bytes], **header: Any) -> Any:
    """The file as uploaded."""
    return client.files.UploadFile(messages({"name": name} | header, content)).file


def wait_for_upload(house: House) -> None:
    """Returns once there is an upload under way that found its name as it should be."""
    coming = "SELECT 1 FROM file_objects WHERE state = 'WRITING'"
    wait_until(lambda: house.sql(coming), "the upload")


def content_of(client: Client, name: str, **which: int) -> bytes:
    """What is downloaded, once its end has come; the sum is compared when it is all of it."""
    file, *chunks, end = client.files.DownloadFile(name=name, **which)
    content = b"".join(one.chunk for one in chunks)
    assert file.file.name == name
    assert end.end.sha256 == file.file.sha256
    if not which:
        assert sha256(content).hexdigest() == end.end.sha256
    return content
