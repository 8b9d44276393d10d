"""The ops port: metrics, probes and published keys, over a small and strict HTTP/1.1.

One event loop in a thread of its own, on the standard library: no installed package serves HTTP,
and `http.server` bounds neither a connection's time nor its headers as a whole. Here one deadline
covers all of a connection, the TLS handshake included; there are at most 64 of them, and one more
takes the place of the oldest, so that slow clients never keep a probe out.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from functools import partial
from http import HTTPStatus

import structlog

from service.ops.pages import Answer, Page, text
from service.ops.ports import PortInUse

_MOST_HEAD = 8 * 1024
_MOST_CONNECTIONS = 64
_THREADS = 2
_DEADLINE = 5.0
_GRACE = 1.0
_PAUSE = 0.1

# https://owasp.org/www-project-secure-headers, as far as it fits answers that are no documents.
_SECURE_HEADERS = (
    "X-Content-Type-Options: nosniff",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy: no-referrer",
    "X-Frame-Options: DENY",
    "Cross-Origin-Resource-Policy: same-origin",
)
_ONLY_TLS = "Strict-Transport-Security: max-age=63072000; includeSubDomains"

log = structlog.get_logger("gatehouse.ops")


class _Refused(Exception):
    """The request is answered with a status and nothing else."""

    def __init__(self, status: HTTPStatus, *headers: str) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class OpsServer:
    """Serves `pages` by path. `host` is an address or a name, port 0 means any free one.

    `tls` is asked for the context of each connection, so that new certificates are taken up.
    """

    def __init__(
        self,
        host: str,
        port: int,
        pages: Mapping[str, Page],
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._pages = pages
        self._tls = tls
        self._connections: dict[asyncio.Task[None], socket.socket] = {}
        self._workers = ThreadPoolExecutor(_THREADS, "ops-page")
        self._thread: threading.Thread | None = None
        self._end: Callable[[], object] = lambda: None

    @property
    def port(self) -> int:
        """The port it listens on; once started, never 0."""
        return self._port

    def start(self) -> None:
        """Listens and serves from now on. Raises PortInUse."""
        try:
            listener = _listen(self._host, self._port)
        except OSError as error:
            host = f"[{self._host}]" if ":" in self._host else self._host
            raise PortInUse(f"{host}:{self._port}", "GATEHOUSE_OPS_ADDRESS") from error
        self._port = listener.getsockname()[1]
        serving = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(listener, serving)), name="ops", daemon=True
        )
        self._thread.start()
        serving.wait()

    def stop(self) -> None:
        """Stops listening, lets answers under way end for a second, and waits for that."""
        if self._thread is not None:
            self._end()
            self._thread.join()
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def _run(self, listener: socket.socket, serving: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        ending = asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(ending.set)
        with listener:
            loop.add_reader(listener, self._accept, listener)
            serving.set()
            await ending.wait()
            loop.remove_reader(listener)
        if self._connections:
            await asyncio.wait(self._connections, timeout=_GRACE)
        # What is still open then ends with the loop.

    def _accept(self, listener: socket.socket) -> None:
        # Not `sock_accept`, which may lose a connection when it is cancelled.
        try:
            client, _ = listener.accept()
        except BlockingIOError:  # the client is gone already
            return
        except OSError as error:  # out of file descriptors: others may come free
            log.warning("ops connections not accepted", why=error.strerror)
            loop = asyncio.get_running_loop()
            loop.remove_reader(listener)
            loop.call_later(_PAUSE, self._accept_again, listener)
            return
        client.settimeout(0)
        if len(self._connections) >= _MOST_CONNECTIONS:
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.cancel()
        task = asyncio.create_task(self._serve(client))
        self._connections[task] = client
        task.add_done_callback(partial(self._forget, client))

    def _accept_again(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _forget(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        client.close()  # here, because a task that is cancelled before its first step never runs
        self._connections.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("unexpected fault on the ops port", exc_info=error)

    async def _serve(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_MOST_HEAD, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport: asyncio.Transport | None = None
        try:
            async with asyncio.timeout(_DEADLINE):
                transport, _ = await loop.connect_accepted_socket(
                    lambda: protocol, client, ssl=self._tls() if self._tls else None
                )
                writer = asyncio.StreamWriter(transport, protocol, reader, loop)
                writer.write(await self._answer(reader))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError, TimeoutError):
            pass  # the client is gone, slow, or speaks no TLS: its own affair
        finally:
            if transport is not None:
                transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        method = "GET"
        try:
            method, path = await _read(reader)
            answer = await self._made(self._page(method, path))
        except _Refused as refusal:
            answer = text(refusal.status, refusal.status.phrase, headers=refusal.headers)
        return self._packed(answer, with_body=method != "HEAD")

    def _page(self, method: str, path: str) -> Page:
        page = self._pages.get(path)
        if page is None:
            raise _Refused(HTTPStatus.NOT_FOUND)
        if method not in {"GET", "HEAD"}:
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "Allow: GET, HEAD")
        return page

    async def _made(self, page: Page) -> Answer:
        if isinstance(page, Answer):
            return page
        try:
            # Away from the loop, so that liveness is told whatever a page waits for.
            return await asyncio.get_running_loop().run_in_executor(self._workers, page)
        except Exception:
            log.exception("unexpected fault on the ops port")
            raise _Refused(HTTPStatus.INTERNAL_SERVER_ERROR) from None

    def _packed(self, answer: Answer, *, with_body: bool) -> bytes:
        caching = f"public, max-age={answer.max_age}" if answer.max_age else "no-store"
        head = [
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            f"Cache-Control: {caching}",
            "Connection: close",
            *_SECURE_HEADERS,
            *([_ONLY_TLS] if self._tls else []),
            *answer.headers,
        ]
        packed = "".join(f"{line}\r\n" for line in head) + "\r\n"
        return packed.encode("latin-1") + (answer.body if with_body else b"")


async def _read(reader: asyncio.StreamReader) -> tuple[str, str]:
    """The request's method and path; the rest of its head is read, and says nothing to us.

    Raises _Refused, EOFError.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[0].isalpha() or not words[1].startswith("/"):
        raise _Refused(HTTPStatus.BAD_REQUEST)
    method, target, version = words
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise _Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    return method, target.partition("?")[0]


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # As gRPC does it: [::] takes IPv4 too.
    both = address[0] == "::" and socket.has_dualstack_ipv6()
    listener = socket.create_server(
        (str(address[0]), port), family=family, backlog=128, dualstack_ipv6=both
    )
    listener.settimeout(0)
    return listener
