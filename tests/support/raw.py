"""A call as no gRPC client would send it: header values are any bytes, written to the wire."""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x7
_END_STREAM, _END_HEADERS, _ACK = 0x1, 0x4, 0x1
_INITIAL_WINDOW_SIZE = 0x4


def call(path: str, method: str, headers: Sequence[tuple[bytes, bytes]], message: bytes) -> None:
    """Makes one unary call over the unix socket at `path`; returns when the server has ended it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(path)
        connection.sendall(
            _PREFACE + _frame(_SETTINGS, 0, 0, b"") + _request(1, method, headers, message)
        )
        with connection.makefile("rb") as answers:
            while True:
                length, kind, flags, stream = _head(answers.read(9))
                answers.read(length)
                if kind == _SETTINGS and not flags & _ACK:
                    connection.sendall(_frame(_SETTINGS, _ACK, 0, b""))
                ended = stream == 1 and (kind == _RST_STREAM or flags & _END_STREAM)
                if ended or kind == _GOAWAY:
                    return


@contextmanager
def unread(
    method: str, address: str, *, count: int, headers: Sequence[tuple[bytes, bytes]] = ()
) -> Iterator[None]:
    """Calls with an empty message whose answers are not taken: the window for them is 0."""
    host, port = address.split(":")
    window = struct.pack(">HI", _INITIAL_WINDOW_SIZE, 0)
    with socket.create_connection((host, int(port))) as connection:
        calls = [_request(1 + 2 * number, method, headers, b"") for number in range(count)]
        connection.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, window) + b"".join(calls))
        yield


def _request(
    stream: int, method: str, headers: Sequence[tuple[bytes, bytes]], message: bytes
) -> bytes:
    every = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", method.encode()),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        *headers,
    ]
    packed = struct.pack(">BI", 0, len(message)) + message
    return _frame(_HEADERS, _END_HEADERS, stream, b"".join(_field(*it) for it in every)) + _frame(
        _DATA, _END_STREAM, stream, packed
    )


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _head(packed: bytes) -> tuple[int, int, int, int]:
    kind, flags, stream = struct.unpack(">BBI", packed[3:])
    return int.from_bytes(packed[:3], "big"), kind, flags, stream


def _field(name: bytes, value: bytes) -> bytes:
    """A literal header field without indexing or Huffman coding (RFC 7541, section 6.2.2)."""
    return b"\x00" + _length(name) + name + _length(value) + value


def _length(text: bytes) -> bytes:
    size = len(text)
    if size < 127:
        return bytes([size])
    packed, size = b"\x7f", size - 127
    while size >= 128:
        packed, size = packed + bytes([size % 128 + 128]), size // 128
    return packed + bytes([size])
