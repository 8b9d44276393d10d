"""Streams of content: how many one caller may have, and that none stands still holding a thread."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import grpc
import structlog

from service.kernel.errors import Cancelled, ResourceExhausted
from service.kernel.reasons import ErrorReason

log = structlog.get_logger("gatehouse.transfers")

_MOST_OF_ONE = 16
_PATIENCE = 60.0
_LOOK = 1.0


class TooManyTransfers(ResourceExhausted):
    """The caller has as many transfers under way as one may."""

    reason = ErrorReason.TOO_MANY_TRANSFERS

    def __init__(self) -> None:
        super().__init__(
            f"You have {_MOST_OF_ONE} uploads and downloads under way; wait for one to end.", 1.0
        )


class StreamCut(Cancelled):
    """The client, or its connection, is gone before the end of its stream."""

    reason = ErrorReason.STREAM_CUT

    def __init__(self) -> None:
        super().__init__("The stream was cut before its end.")


class Transfer:
    """One stream, and since when it has been waiting for its client, if it is."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context
        self._waiting_since: float | None = None

    def next_of(self, payloads: Iterator[bytes]) -> bytes | None:
        """What the client sends next, None when there is no more. Raises StreamCut."""
        self._waiting_since = monotonic()
        try:
            return next(payloads, None)
        except grpc.RpcError:
            raise StreamCut from None
        finally:
            self._waiting_since = None

    @contextmanager
    def of_client(self) -> Iterator[None]:
        """While in here, it is the client's turn, to send or to read."""
        self._waiting_since = monotonic()
        try:
            yield
        finally:
            self._waiting_since = None

    def end_if_stalled(self, patience: float) -> None:
        """Cancels the call when its client has let it wait for too long."""
        since = self._waiting_since
        if since is not None and monotonic() - since > patience:
            log.info("a transfer stood still and was cancelled")
            self._context.cancel()


class Transfers:
    """The streams under way, and a watchdog over them."""

    def __init__(self, patience: float = _PATIENCE) -> None:
        """`patience`: for how many seconds a client may neither send nor read."""
        self._patience = patience
        self._open: set[Transfer] = set()
        self._of: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="transfer-watchdog", daemon=True)

    def start(self) -> None:
        """Starts the watchdog."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the watchdog."""
        self._stopping.set()

    @property
    def under_way(self) -> int:
        """How many streams there are."""
        return len(self._open)

    @contextmanager
    def begin(self, caller: str, context: grpc.ServicerContext) -> Iterator[Transfer]:
        """A stream of the caller's, until the block ends. Raises TooManyTransfers."""
        transfer = Transfer(context)
        with self._lock:
            if self._of[caller] >= _MOST_OF_ONE:
                raise TooManyTransfers
            self._of[caller] += 1
            self._open.add(transfer)
        try:
            yield transfer
        finally:
            with self._lock:
                self._open.discard(transfer)
                self._of[caller] -= 1
                if not self._of[caller]:
                    del self._of[caller]

    def _watch(self) -> None:
        while not self._stopping.wait(min(_LOOK, self._patience)):
            with self._lock:
                under_way = list(self._open)
            for transfer in under_way:
                transfer.end_if_stalled(self._patience)
