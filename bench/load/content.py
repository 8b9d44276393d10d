"""What is uploaded and downloaded: the same bytes in the client, the peer and the file."""

from collections.abc import Iterator
from hashlib import sha256
from random import Random

MIB = 2**20
# A prime, so that no part of a file in the store is like the next.
_DISTINCT = 61


class Content:
    """So many bytes in chunks, made once and repeated: making them is no part of a stream."""

    def __init__(self, size: int, chunk: int) -> None:
        """`size` is a multiple of `chunk`."""
        random = Random(chunk)  # the same in every process
        self.size = size
        self.count = size // chunk
        self._distinct = [random.randbytes(chunk) for _ in range(min(_DISTINCT, self.count))]

    def chunks(self) -> Iterator[bytes]:
        """All of them in turn."""
        for number in range(self.count):
            yield self._distinct[number % len(self._distinct)]

    def sha256(self) -> str:
        """Of all of it, in hex."""
        found = sha256()
        for chunk in self.chunks():
            found.update(chunk)
        return found.hexdigest()
