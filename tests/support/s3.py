"""S3 on loopback: moto's in a process of its own, and servers that answer as one likes."""

import http.client
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

_SERVE = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", int(sys.argv[1]), verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
SECRET = "S3cretOfTheTests/and+of+nobody+else"


def environment(port: int) -> dict[str, str]:
    """What an S3 client is told of a server on loopback."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "AKIATESTS",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "eu-central-1",
    }


class S3:
    """Can be stopped and started again at the same port; it forgets everything meanwhile."""

    def __init__(self) -> None:
        self.port = 0
        self._numbers = count(1)
        self.start()

    def start(self) -> None:
        """Starts, and returns once it answers. It ends with this process, however that ends."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "S3 did not start"
        self.port = int(line)

    def stop(self) -> None:
        """Kills it."""
        self._process.kill()
        with self._process:
            pass

    def new_bucket(self) -> str:
        """A bucket of one's own."""
        bucket = f"bucket-{next(self._numbers)}"
        self.make_bucket(bucket)
        return bucket

    def make_bucket(self, bucket: str) -> None:
        """Makes it, with nothing in it."""
        self._ask("PUT", f"/{bucket}")

    def lay(self, bucket: str, key: str, content: bytes) -> None:
        """Puts an object under any key at all."""
        self._ask("PUT", f"/{bucket}/{quote(key)}", content)

    def keys(self, bucket: str) -> list[str]:
        """Every key in the bucket, up to a thousand."""
        found = ElementTree.fromstring(self._ask("GET", f"/{bucket}?list-type=2"))
        return [str(it.text) for it in found.iterfind(".//{*}Contents/{*}Key")]

    def _ask(self, method: str, path: str, content: bytes = b"") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, content, {"Content-Length": str(len(content))})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, body
            return body
        finally:
            connection.close()


@contextmanager
def answering(
    *answers: tuple[int, str], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[str]]]:
    """A server that gives these answers in turn, the last for ever.

    Answers its port, and the requests it gets: method and path.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(answers, requests := [])) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port, requests
        finally:
            server.shutdown()
            thread.join()


def error(code: str) -> str:
    """What S3 says when it refuses."""
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No.</Message></Error>"


def _handler(
    answers: Sequence[tuple[int, str]], requests: list[str]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = answers[min(len(requests), len(answers) - 1)]
            requests.append(f"{self.command} {unquote(self.path)}")
            self.send_response(status)
            self.send_header("ETag", '"one"')
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            self.send_header("Content-Range", f"bytes 0-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - http.server names them

        def log_message(self, *_: Any) -> None:
            """Keeps quiet."""

    return Handler
