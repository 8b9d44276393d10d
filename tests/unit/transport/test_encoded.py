"""What is encoded by hand is what protobuf would have made of it."""

import pytest
from gatehouse.files.v1.file_service_pb2 import DownloadFileResponse

from service.transport.answers import Encoded


@pytest.mark.parametrize("size", [1, 127, 128, 16_383, 16_384, 262_144])
def test_a_field_of_bytes_is_encoded_as_protobuf_does(size: int) -> None:
    content = b"x" * size
    encoded = Encoded.bytes_field(DownloadFileResponse.CHUNK_FIELD_NUMBER, memoryview(content))
    message = DownloadFileResponse(chunk=content)
    assert encoded.SerializeToString() == message.SerializeToString()


def test_a_field_of_a_large_number_too() -> None:
    assert Encoded.bytes_field(1000, memoryview(b"x")).SerializeToString() == b"\xc2\x3e\x01x"
