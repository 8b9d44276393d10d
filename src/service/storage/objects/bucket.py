"""A bucket of S3 or of anything that speaks like it, under a prefix."""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import S3Store

from service.storage.objects.errors import StrangeKey, first_line

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

# A caller's thread waits meanwhile. At the worst a store answers with an error just before no more
# retries are made, and then not at all: 4 s and 10 s.
_RETRIES: "RetryConfig" = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=4),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    },
}
_CONNECT = timedelta(seconds=3)
_REQUEST = timedelta(seconds=10)

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_OURS = re.compile(r"[0-9]{5}")


class Bucket:
    """Parts by their keys in a bucket. A put is durable once it is answered."""

    def __init__(self, bucket: str, prefix: str) -> None:
        options: ClientConfig = {
            "allow_http": _allows_http(os.environ),
            "connect_timeout": _CONNECT,
            "timeout": _REQUEST,
        }
        if bundle := os.environ.get("AWS_CA_BUNDLE"):  # obstore reads the others by itself
            options["root_certificate"] = Path(bundle).read_bytes()
        try:
            self._store = S3Store(
                bucket, prefix=prefix or None, client_options=options, retry_config=_RETRIES
            )
        except BaseError as error:
            raise ValueError(f"AWS_…: {first_line(error)}") from None

    def put(self, folder: str, name: str, content: bytes | bytearray | memoryview) -> None:
        """Puts it by one request."""
        obstore.put(self._store, f"{folder}/{name}", content, use_multipart=False)

    def settle(self, folder: str) -> None:
        """S3 has answered only what it keeps."""

    def read(self, folder: str, name: str, start: int, into: memoryview) -> int:
        """Reads from `start` on until `into` is full or the part ends; answers how many bytes."""
        content = obstore.get_range(self._store, f"{folder}/{name}", start=start, length=len(into))
        into[: len(content)] = memoryview(content)
        return len(content)

    def lacks(self, error: Exception) -> bool:
        """Whether the error says that there is no such key; a bucket may be missing, too."""
        return "<Code>NoSuchKey<" in str(error)

    def delete(self, folder: str) -> None:
        """Deletes the parts there, a thousand by one request."""
        for page in obstore.list(self._store, folder, chunk_size=1000):
            keys = [it["path"] for it in page]
            obstore.delete(self._store, [it for it in keys if _is_part_in(folder, it)])

    def entries(self, folder: str) -> Iterator[tuple[str, int]]:
        """Every key under the prefix and this folder, without the prefix, in order; and its size.

        Raises StrangeKey.
        """
        try:
            for page in obstore.list(self._store, folder or None, chunk_size=1000):
                yield from ((it["path"], it["size"]) for it in page)
        except InvalidPathError as error:
            raise StrangeKey(first_line(error)) from error


def _is_part_in(folder: str, key: str) -> bool:
    return bool(_OURS.fullmatch(key.removeprefix(f"{folder}/")))


def _allows_http(environ: Mapping[str, str]) -> bool:
    """Whether the endpoint may be asked without TLS: on loopback, or where AWS_ALLOW_HTTP says so.

    Raises ValueError for an http:// endpoint elsewhere, and for what is no URL.
    """
    variable = next((it for it in _ENDPOINTS if it in environ), None)
    if variable is None or environ[variable].startswith("https://"):
        return False
    if not environ[variable].startswith("http://"):
        raise ValueError(f"{variable}: it takes a URL that begins with https:// or http://")
    allowed = environ.get("AWS_ALLOW_HTTP", "").lower() == "true"
    if not allowed and not _is_loopback(urlsplit(environ[variable]).hostname or ""):
        raise ValueError(f"{variable}: off loopback it takes https://, or AWS_ALLOW_HTTP=true")
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
