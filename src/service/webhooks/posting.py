"""One try: a message is posted, and how that went is told.

Whatever the receiver does, it costs 15 seconds, one connection and a little memory at most.
"""

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import Any, Final

import aiohttp
from aiohttp import StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from service.webhooks.addresses import is_public
from service.webhooks.models import Message, Outcome

_SECONDS: Final = 15.0
_PROMPT_SECONDS: Final = 2.0
_EXCERPT_BYTES = 1024
_MOST_ANSWERS = 10


class NotPublic(OSError):
    """The address is of some network's own."""


class _Answers(ResponseHandler):
    """The answers of one connection: one, and few interim ones before it (RFC 9110, section 15.2).

    aiohttp reads those for as long as they come, and a flood of them would keep the loop busy.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._left = _MOST_ANSWERS

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Takes an answer's head."""
        self._left -= 1
        if self._left < 0 or data[0].code < 100:
            self.abort()
            self.set_exception(HttpProcessingError(message="not an answer"))
        else:
            super().feed_data(data, size)


class _Connector(aiohttp.TCPConnector):
    """Connections for a message each: one that was kept may be closed just as it is used again."""

    def __init__(self, **given: Any) -> None:
        super().__init__(limit=0, force_close=True, **given)
        answers: type[ResponseHandler] = _Answers
        self._factory = partial(answers, loop=self._loop)


class Poster:
    """Posts messages from within one event loop; closed when its block ends."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session = aiohttp.ClientSession(
            connector=_Connector(
                socket_factory=self._open_socket, ssl=ssl.create_default_context()
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # each try has its own
            trust_env=False,  # a proxy would connect where we must not
            auto_decompress=False,
            skip_auto_headers=["Accept", "Accept-Encoding"],
        )

    async def __aenter__(self) -> "Poster":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def post(self, message: Message) -> Outcome:
        """Posts it once. Never raises for what a receiver or the network does."""
        url = message.claim.url
        if not self._allow_private and not url.startswith("https:"):
            return Outcome(error="The URL is not https, and the server does not speak http.")
        now = asyncio.get_running_loop().time
        deadline = now() + _SECONDS
        late = now() + _PROMPT_SECONDS
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self._session.post(
                    URL(url, encoded=True),
                    # Sent in parts, so that a large one holds up no other.
                    data=BytesIO(message.body),
                    headers=message.headers,
                    allow_redirects=False,
                )
        except TimeoutError:
            return Outcome(error=f"There was no answer within {_SECONDS:.0f} seconds.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(error=_in_words(error))
        return Outcome(
            code=answer.status,
            excerpt=await _excerpt(answer, deadline),
            retry_after=answer.headers.get("Retry-After", ""),
            prompt=now() < late,
        )

    def _open_socket(self, info: Any) -> socket.socket:
        """The socket for an address that is about to be connected to, whatever led to it."""
        family, kind, protocol, _, address = info
        if not self._allow_private and not is_public(address[0]):
            raise NotPublic("not public")
        return socket.socket(family, kind, protocol)


async def _excerpt(answer: aiohttp.ClientResponse, deadline: float) -> str:
    """How the answer's body begins, or what came of that in time; nobody waits for the rest."""
    begun = b""
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout_at(deadline):
            while part := await answer.content.read(_EXCERPT_BYTES - len(begun)):
                begun += part
    answer.close()
    text = begun.decode(errors="replace")
    return "".join(it if it.isprintable() else " " for it in text).strip()


def _in_words(error: Exception) -> str:
    """Why there was no answer. Names no address: what a name leads to may be nobody's business."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "The host was not found."
        case aiohttp.ClientConnectorCertificateError():
            return "The receiver's certificate is not trusted."
        case aiohttp.ClientConnectorError(os_error=NotPublic()):
            return "The host's address is not public, and the server connects to no other."
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int(number))):
            return f"No connection could be made: {os.strerror(number)}."
        case aiohttp.ClientConnectorError():
            return "No connection could be made."
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return "The connection was closed before there was an answer."
    return "What came was no answer in HTTP."
