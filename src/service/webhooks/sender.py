"""Sends what is due: many messages at once, and few to any one webhook."""

import asyncio
import threading
from asyncio import AbstractEventLoop, Task
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from time import sleep
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import structlog

from service.kernel.errors import GatehouseError
from service.webhooks.deliveries import Deliveries
from service.webhooks.models import Message, Outcome

if TYPE_CHECKING:
    from service.webhooks.posting import Poster

T = TypeVar("T")

log = structlog.get_logger("gatehouse.webhooks")

_AT_ONCE = 256
_EACH = 8
# The half is for those that answered promptly the last time. However many others there are, and
# however long they take, each has one message on its way, and together they have the other half.
_SLOW = 128
_DATABASE_THREADS = 3
_POLL = 1.0
_NOT_KEPT = Outcome(error="How it went could not be kept; the server's log tells why.")
_PATIENCE = 3.0  # for what is on its way when we are to end; another sends again what is cut


class Sender:
    """Sends from an event loop in a thread of its own; `start` and `stop` once each."""

    def __init__(self, deliveries: Deliveries, *, allow_private: bool) -> None:
        self._deliveries = deliveries
        self._allow_private = allow_private
        self._thread = threading.Thread(target=self._run, name="webhook-sender", daemon=True)
        self._database = ThreadPoolExecutor(_DATABASE_THREADS, "webhook-database")
        self._running: tuple[AbstractEventLoop, asyncio.Event] | None = None
        self._busy: Counter[UUID] = Counter()
        self._sending: set[Task[None]] = set()
        self._stopping = False

    def start(self) -> None:
        """Starts sending."""
        self._thread.start()

    def stop(self) -> None:
        """Lets what is on its way arrive, for a few seconds, and ends."""
        self._stopping = True
        self.look()
        if self._thread.is_alive():
            self._thread.join(2 * _PATIENCE)

    def look(self) -> None:
        """There may be something to send; from any thread."""
        if self._running is not None:
            loop, news = self._running
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(news.set)

    def _run(self) -> None:
        while not self._stopping:
            try:
                asyncio.run(self._work())
            except Exception:
                log.exception("the sender starts over")
                sleep(_POLL)
        self._database.shutdown(wait=False)

    async def _work(self) -> None:
        loop, news = self._running = (asyncio.get_running_loop(), asyncio.Event())
        # Names are looked up there, and a name server that is dead must keep no one else waiting.
        loop.set_default_executor(ThreadPoolExecutor(_AT_ONCE, "webhook-names"))
        async with AsyncExitStack() as posters:
            poster = None
            while not self._stopping:
                news.clear()
                messages = await self._claim()
                if not messages:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(news.wait(), _POLL)
                    continue
                if poster is None:
                    poster = await posters.enter_async_context(self._poster())
                for message in messages:
                    self._begin(poster, message)
            if self._sending:
                await asyncio.wait(self._sending, timeout=_PATIENCE)
            for task in self._sending:
                task.cancel()

    def _poster(self) -> "Poster":
        # Not before there is something to send: aiohttp takes 13 MB, and most have no webhooks.
        from service.webhooks.posting import Poster  # noqa: PLC0415

        return Poster(allow_private=self._allow_private)

    async def _claim(self) -> list[Message]:
        """What is due, as far as there is room; nothing when PostgreSQL is away."""
        room = _AT_ONCE - self._busy.total()
        if not room:
            return []
        try:
            busy = self._busy.copy()
            return await self._asked(
                lambda: self._deliveries.claim(busy, each=_EACH, slow=_SLOW, most=room)
            )
        except GatehouseError as error:
            log.warning("nothing can be claimed", why=str(error))
        except Exception:
            log.exception("claiming")
        return []

    def _begin(self, poster: "Poster", message: Message) -> None:
        webhook = message.claim.webhook
        self._busy[webhook] += 1
        task = asyncio.create_task(self._send(poster, message))
        self._sending.add(task)

        def ended(task: Task[None]) -> None:
            self._sending.discard(task)
            self._busy[webhook] -= 1
            if not self._busy[webhook]:
                del self._busy[webhook]
            self.look()

        task.add_done_callback(ended)

    async def _send(self, poster: "Poster", message: Message) -> None:
        try:
            outcome = await poster.post(message)
        except Exception:
            log.exception("posting", webhook=str(message.claim.webhook))
            outcome = Outcome(error="It could not be sent; the server's log tells why.")
        try:
            await self._settle(message, outcome)
        except Exception:
            log.exception("settling", webhook=str(message.claim.webhook))
            # Or the receiver would get it again with each lease, rather than by the schedule.
            with suppress(Exception):
                await self._settle(message, _NOT_KEPT)

    async def _settle(self, message: Message, outcome: Outcome) -> None:
        """Goes on trying while PostgreSQL is away, or the receiver gets the same again."""
        while True:
            try:
                return await self._asked(lambda: self._deliveries.settle(message.claim, outcome))
            except GatehouseError as error:
                log.warning("a delivery cannot be settled", why=str(error))
            if self._stopping:
                return None
            await asyncio.sleep(_POLL)

    async def _asked(self, question: Callable[[], T]) -> T:
        """What the database answers, which is asked in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._database, question)
